import { SignallingError } from "./signalling_error.ts";

/** What a verified chain tells at least: the id of its leaf. */
export interface VerifiedPeer {
  /** The leaf's Ed25519 public key in 64 lower-case hexadecimal characters. */
  readonly id: string;
}

/**
 * Verifies a certificate chain (DER, leaf first) for a time, as `verifyChain` of lib/identity does,
 * and throws when it is not sound.
 */
export type ChainVerifier<Peer extends VerifiedPeer> = (
  chain: readonly Uint8Array[],
  now: Date,
) => Peer | Promise<Peer>;

/**
 * Runs the verifier, any error of which becomes ours.
 *
 * @throws {SignallingError} `certificate` with the verifier's error as `cause`
 */
export async function verifyPeer<Peer extends VerifiedPeer>(
  verify: ChainVerifier<Peer>,
  chain: readonly Uint8Array[],
  wallClock: number,
): Promise<Peer> {
  try {
    return await verify(chain, new Date(wallClock));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SignallingError("certificate", why, { cause });
  }
}
