import type { KeyPair } from "./diffie_hellman.ts";

/** What a handshake starts from. */
export interface HandshakeOptions {
  /** Such as `Noise_IK_25519_ChaChaPoly_SHA256`; see {@linkcode parseProtocolName}. */
  readonly protocolName: string;
  /** Whether we send the first message. */
  readonly initiator: boolean;
  /** What both sides must agree on beforehand; hashed into the transcript. Empty by default. */
  readonly prologue?: Uint8Array;
  /** Our static key, where the pattern uses one. Remains the caller's: it is never erased here. */
  readonly s?: KeyPair;
  /** The peer's static public key (32 bytes), where the pattern has us know it. */
  readonly rs?: Uint8Array;
  /** Pre-shared keys of 32 bytes, one for each psk token in order. */
  readonly psks?: readonly Uint8Array[];
  /** Our encapsulation key, where the pattern has us send one; its secret half remains the caller's. */
  readonly e1?: Uint8Array;
  /** A fixed ephemeral key, for published test vectors alone: reuse breaks every guarantee. */
  readonly e?: KeyPair;
  /** Yields that many unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
}

/** The outcome of a handshake, seen from our side. */
export interface SplitKeys {
  /** The 32-byte key for what we send. */
  readonly send: Uint8Array;
  /** The 32-byte key for what we receive. */
  readonly receive: Uint8Array;
  /** The transcript hash: the same on both sides, unique to this handshake (channel binding). */
  readonly handshakeHash: Uint8Array;
}
