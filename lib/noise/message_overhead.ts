import { TAG_LENGTH } from "./aead.ts";
import { X25519_LENGTH } from "./diffie_hellman.ts";
import { type Token, usesPsk } from "./pattern.ts";
import type { Protocol } from "./protocol_name.ts";

/**
 * What a handshake message is longer than its payload, in bytes: its keys and ciphertexts, with a tag
 * for each and for the payload once there is a key (Noise rev 34 §5.3).
 *
 * @param keyed whether there is one before the message
 */
export function messageOverhead(
  { pattern, kem }: Protocol,
  tokens: readonly Token[],
  keyed: boolean,
): number {
  const fields: Partial<Record<Token, number>> = {
    e: X25519_LENGTH,
    s: X25519_LENGTH,
    ...(kem && { e1: kem.publicKey, ekem1: kem.ciphertext }),
  };
  const keyless: Token[] = usesPsk(pattern) ? ["s", "e1"] : ["e", "s", "e1"];
  let length = 0;
  for (const token of tokens) {
    const field = fields[token] ?? 0;
    length += field;
    if (field > 0 && token !== "e" && keyed) length += TAG_LENGTH;
    if (!keyless.includes(token)) keyed = true;
  }
  return length + (keyed ? TAG_LENGTH : 0);
}
