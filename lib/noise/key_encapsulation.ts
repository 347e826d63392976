/** What lies in messages of a key encapsulation mechanism, in bytes. */
export interface EncapsulationLengths {
  /** An encapsulation key. */
  readonly publicKey: number;
  /** A ciphertext. */
  readonly ciphertext: number;
  /** What both sides get out of it. */
  readonly sharedSecret: number;
}

/** ML-KEM-768 (FIPS 203 §8, table 3). */
export const ML_KEM_768_LENGTHS: EncapsulationLengths = {
  publicKey: 1_184,
  ciphertext: 1_088,
  sharedSecret: 32,
};

/** A key pair whose secret half, the decapsulation key, does not leave it. */
export interface EncapsulationKeyPair {
  /** The encapsulation key, for the peer. */
  readonly publicKey: Uint8Array;
  /**
   * The secret that the peer encapsulated. A ciphertext that was altered yields another secret, and
   * no error (FIPS 203 §6.3): the handshake's next tag tells.
   *
   * @throws {NoiseError} `truncated` when the ciphertext has not the right length, `unusable` after
   *   {@linkcode erase}
   */
  decapsulate(ciphertext: Uint8Array): Promise<Uint8Array>;
  /** Forgets the secret half, and overwrites it where it is in our memory. */
  erase(): void;
}

/** A new secret, and the ciphertext by which the key's owner gets it too. */
export interface Encapsulation {
  /** For the key's owner. */
  readonly ciphertext: Uint8Array;
  /** For us. */
  readonly sharedSecret: Uint8Array;
}

/**
 * A key encapsulation mechanism. Platforms compute it beside the program, so its results are
 * promises, and a handshake takes them as arguments: its state machine itself waits for nothing.
 */
export interface KeyEncapsulation {
  /** A new key pair, for one handshake. */
  generateKeyPair(): Promise<EncapsulationKeyPair>;
  /**
   * A new secret for the owner of a key.
   *
   * @throws {NoiseError} `bad-key` when it is none (FIPS 203 §7.2: length and range are checked)
   */
  encapsulate(publicKey: Uint8Array): Promise<Encapsulation>;
}
