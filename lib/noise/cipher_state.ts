import { type Aead, CIPHER_KEY_LENGTH, NONCE_LENGTH } from "./aead.ts";
import { NoiseError } from "./noise_error.ts";

/** An AEAD and how Noise writes its 64-bit counter into the 12-byte nonce, after four zero bytes. */
export interface Cipher {
  /** What seals and opens. */
  readonly aead: Aead;
  /** Little-endian for ChaChaPoly, big-endian for AESGCM (Noise rev 34 §12.3, §12.4). */
  readonly littleEndianNonce: boolean;
}

/**
 * Messages under one key. Noise allows 2^64 − 1; a number is exact to 2^53 − 1, a limit that no
 * connection reaches either.
 */
const MAX_NONCE = Number.MAX_SAFE_INTEGER;
/** The nonce that Noise keeps for rekeying: 2^64 − 1 (Noise rev 34 §4.2). */
const REKEY_NONCE = 0xffff_ffff_ffff_ffffn;
const EMPTY = new Uint8Array(0);

/**
 * A key and its counter (Noise rev 34 §5.1). Without a key it passes bytes through in clear, as the
 * first tokens of some patterns require.
 *
 * @example
 * ```ts
 * import { CipherState, parseProtocolName } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const { cipher } = parseProtocolName("Noise_XX_25519_ChaChaPoly_SHA256");
 * const key = new Uint8Array(32).fill(1);
 * const [sender, receiver] = [new CipherState(cipher, key), new CipherState(cipher, key)];
 * const ad = new Uint8Array(0);
 * assert.deepEqual(receiver.decrypt(ad, sender.encrypt(ad, Uint8Array.of(42))), Uint8Array.of(42));
 * ```
 */
export class CipherState {
  readonly #cipher: Cipher;
  #key: Uint8Array | undefined;
  #nonce = 0;

  /**
   * Starts counting at 0.
   *
   * @param cipher the functions
   * @param key 32 bytes, copied; none at the start of a handshake
   */
  constructor(cipher: Cipher, key?: Uint8Array) {
    this.#cipher = cipher;
    if (key !== undefined) this.setKey(key);
  }

  /** Whether there is a key yet. */
  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** Takes a new key (32 bytes, copied) and starts counting anew. @throws {NoiseError} `keys` */
  setKey(key: Uint8Array): void {
    if (key.length !== CIPHER_KEY_LENGTH) throw new NoiseError("keys", "a cipher key has 32 bytes");
    this.erase();
    this.#key = key.slice();
    this.#nonce = 0;
  }

  /**
   * Seals the plaintext, 16 bytes longer; returns it as it is while there is no key.
   *
   * @throws {NoiseError} `nonce` when the counter is used up
   */
  encrypt(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    if (this.#key === undefined) return plaintext;
    const sealed = this.#cipher.aead.seal(this.#key, this.#nonceBytes(), ad, plaintext);
    this.#nonce++;
    return sealed;
  }

  /**
   * Opens what the other side sealed. The counter moves on success only (Noise rev 34 §5.1).
   *
   * @throws {NoiseError} `decrypt` when it was altered, `nonce` when the counter is used up
   */
  decrypt(ad: Uint8Array, sealed: Uint8Array): Uint8Array {
    if (this.#key === undefined) return sealed;
    const plaintext = this.#cipher.aead.open(this.#key, this.#nonceBytes(), ad, sealed);
    this.#nonce++;
    return plaintext;
  }

  /** Replaces the key by a one-way function of it (Noise rev 34 §4.2); the counter goes on. */
  rekey(): void {
    if (this.#key === undefined) throw new NoiseError("keys", "there is no key to replace");
    const nonce = this.#writeNonce(REKEY_NONCE);
    const zeros = new Uint8Array(CIPHER_KEY_LENGTH);
    const next = this.#cipher.aead.seal(this.#key, nonce, EMPTY, zeros);
    this.#key.set(next.subarray(0, CIPHER_KEY_LENGTH));
    next.fill(0);
  }

  /** A state of its own with the same key and counter. */
  clone(): CipherState {
    const copy = new CipherState(this.#cipher, this.#key);
    copy.#nonce = this.#nonce;
    return copy;
  }

  /** Overwrites the key. The state has none afterwards. */
  erase(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #nonceBytes(): Uint8Array {
    if (this.#nonce >= MAX_NONCE) throw new NoiseError("nonce", "the key is used up");
    return this.#writeNonce(BigInt(this.#nonce));
  }

  #writeNonce(counter: bigint): Uint8Array {
    const nonce = new Uint8Array(NONCE_LENGTH);
    new DataView(nonce.buffer).setBigUint64(4, counter, this.#cipher.littleEndianNonce);
    return nonce;
  }
}
