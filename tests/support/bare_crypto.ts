/**
 * Stands in for `node:crypto` on a platform that has hashes of the SHA-2 family and nothing newer:
 * no Ed25519, no X25519, no AEAD, no BLAKE2.
 */
import * as crypto from "node:crypto";

export * from "node:crypto";

function lacking(): never {
  throw new Error("not on this platform");
}

export const createCipheriv: typeof crypto.createCipheriv = lacking;
export const createDecipheriv: typeof crypto.createDecipheriv = lacking;
export const createPrivateKey: typeof crypto.createPrivateKey = lacking;
export const createPublicKey: typeof crypto.createPublicKey = lacking;
export const diffieHellman: typeof crypto.diffieHellman = lacking;
export const sign: typeof crypto.sign = lacking;
export const verify: typeof crypto.verify = lacking;

/** Its keys are read by what is lacking. */
export class X509Certificate {
  constructor() {
    lacking();
  }
}

export const createHash: typeof crypto.createHash = (algorithm, options) =>
  algorithm.startsWith("blake") ? lacking() : crypto.createHash(algorithm, options);
export const createHmac: typeof crypto.createHmac = (algorithm, key, options) =>
  algorithm.startsWith("blake") ? lacking() : crypto.createHmac(algorithm, key, options);
