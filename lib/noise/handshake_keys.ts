import { X25519_LENGTH } from "./diffie_hellman.ts";
import type { HandshakeOptions } from "./handshake_options.ts";
import { NoiseError } from "./noise_error.ts";
import type { Token } from "./pattern.ts";
import type { Protocol } from "./protocol_name.ts";

/** @throws {NoiseError} `keys` when one is missing, superfluous or of the wrong length */
export function checkKeys(
  { initiator, s, rs, e1, psks = [] }: HandshakeOptions,
  { pattern, kem }: Protocol,
): void {
  const { known, messages } = pattern;
  const sends = (token: Token, ours: boolean) =>
    messages.some((tokens, i) => (i % 2 === 0) === (initiator === ours) && tokens.includes(token));
  const oursKnown = initiator ? known.initiator : known.responder;
  const theirsKnown = initiator ? known.responder : known.initiator;
  const lengths = [s?.publicKey, s?.secretKey, rs, ...psks];
  const fits = lengths.every((key) => key === undefined || key.length === X25519_LENGTH) &&
    (oursKnown || sends("s", true)) === (s !== undefined) && theirsKnown === (rs !== undefined) &&
    messages.flat().filter((token) => token === "psk").length === psks.length &&
    (sends("e1", true) ? kem!.publicKey : undefined) === e1?.length;
  if (!fits) throw new NoiseError("keys", `the keys do not fit the pattern ${pattern.name}`);
}
