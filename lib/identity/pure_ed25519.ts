import { createHash } from "node:crypto";
import { getPublicKey, hashes, sign, verify } from "@noble/ed25519";
import type { SignatureScheme } from "./signature_scheme.ts";

// The library leaves it to its user where the synchronous SHA-512 comes from.
hashes.sha512 ??= (message) =>
  Uint8Array.from(createHash("sha512").update(message as Uint8Array).digest());

/**
 * Ed25519 in pure JavaScript, for a node:crypto without it. It agrees with the native one about
 * every signature that a signer makes; of a public key of small order, for which anybody can make
 * signatures, it accepts none.
 */
export const PURE_ED25519: SignatureScheme = {
  publicKeyOf: getPublicKey,
  sign: (secretKey, message) => sign(message, secretKey),
  // Without the option it follows ZIP 215, which takes encodings that RFC 8032 forbids.
  verify: (publicKey, message, signature) =>
    verify(signature, message, publicKey, { zip215: false }),
};
