import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { CIPHER_KEY_LENGTH } from "./aead.ts";
import { CipherState } from "./cipher_state.ts";
import { hkdf } from "./hkdf.ts";
import type { Protocol } from "./protocol_name.ts";

const EMPTY = new Uint8Array(0);

/**
 * The transcript hash `h`, the chaining key `ck` and the cipher under the newest key
 * (Noise rev 34 §5.2).
 */
export class SymmetricState {
  readonly #protocol: Protocol;
  readonly #cipher: CipherState;
  #transcript: Uint8Array;
  #chainingKey: Uint8Array;

  /**
   * Starts the transcript with the protocol name (Noise rev 34 §5.2 `InitializeSymmetric`).
   *
   * @param protocol the functions and the name
   * @param from a state to copy instead
   */
  constructor(protocol: Protocol, from?: SymmetricState) {
    this.#protocol = protocol;
    if (from !== undefined) {
      this.#cipher = from.#cipher.clone();
      this.#transcript = from.#transcript.slice();
      this.#chainingKey = from.#chainingKey.slice();
      return;
    }
    const { hash } = protocol;
    const name = utf8ToBytes(protocol.name);
    this.#transcript = new Uint8Array(hash.length);
    if (name.length <= hash.length) this.#transcript.set(name);
    else this.#transcript = hash.digest(name);
    this.#chainingKey = this.#transcript.slice();
    this.#cipher = new CipherState(protocol.cipher);
  }

  /** Whether what is sent now is encrypted. */
  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  /** The transcript hash so far (a copy). */
  get handshakeHash(): Uint8Array {
    return this.#transcript.slice();
  }

  /** `MixHash`: puts bytes into the transcript. */
  mixHash(bytes: Uint8Array): void {
    this.#transcript = this.#protocol.hash.digest(concatBytes(this.#transcript, bytes));
  }

  /** `MixKey`: a new key from everything before and this secret. */
  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret, 2);
    this.#advance(chainingKey!, key!);
  }

  /** `MixKeyAndHash`: as `mixKey`, and binds the secret into the transcript (for a psk). */
  mixKeyAndHash(secret: Uint8Array): void {
    const [chainingKey, transcript, key] = this.#derive(secret, 3);
    this.mixHash(transcript!);
    this.#advance(chainingKey!, key!);
  }

  /** `EncryptAndHash`. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher.encrypt(this.#transcript, plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  /** `DecryptAndHash`. @throws {NoiseError} `decrypt` */
  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const plaintext = this.#cipher.decrypt(this.#transcript, sealed);
    this.mixHash(sealed);
    return plaintext;
  }

  /** `Split`: the initiator's sending key, then the responder's, 32 bytes each. */
  split(): [Uint8Array, Uint8Array] {
    const [initiator, responder] = this.#derive(EMPTY, 2);
    return [initiator!.subarray(0, CIPHER_KEY_LENGTH), responder!.subarray(0, CIPHER_KEY_LENGTH)];
  }

  /** A key beside the cipher's, for another use: HKDF of the chaining key under a label. */
  additionalKey(label: Uint8Array): Uint8Array {
    const { hash } = this.#protocol;
    return hkdf(hash, this.#chainingKey, EMPTY, label, hash.length);
  }

  /** Overwrites the keys. */
  erase(): void {
    this.#cipher.erase();
    this.#chainingKey.fill(0);
  }

  #derive(secret: Uint8Array, outputs: number): Uint8Array[] {
    const { hash } = this.#protocol;
    const bytes = hkdf(hash, this.#chainingKey, secret, EMPTY, outputs * hash.length);
    const parts = Array.from(
      { length: outputs },
      (_, i) => bytes.slice(i * hash.length, (i + 1) * hash.length),
    );
    bytes.fill(0);
    return parts;
  }

  #advance(chainingKey: Uint8Array, key: Uint8Array): void {
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
    this.#cipher.setKey(key.subarray(0, CIPHER_KEY_LENGTH));
    key.fill(0);
  }
}
