/**
 * The listener's side of the two signalling messages.
 *
 * ```text
 *  sealed ─▶ tag ─▶ guard.admit ─▶ open (2 DH) ─▶ guard.admitSender ─▶ decode ─▶ version, time
 *             free of public-key work                                               │
 *               ┌─ a flaw from here on can be told to the sender ─── key = id? ◀── certificates
 *                                                                                                ▼
 *                            IncomingRequest: accept | refuse | ignore ◀── guard.prove     error.refusal
 * ```
 *
 * Either answer wants a secret encapsulated for the dialer's key: that is done beside the check of
 * the certificates.
 *
 * What message 1 of IK proves, and what not (Noise rev 34 §7.7): it was made by the owner of the
 * peer's key, *unless the listener's own key is stolen*; and it may be a replay, which the guard
 * stops. Neither thief nor replayer can read the answer or learn the session's keys. So the peer is
 * proven beyond doubt by its first record in the session, and until then nothing that costs or
 * reveals more than the answer should be done for it.
 *
 * @module
 */
import type { Identity } from "../../identity/mod.ts";
import {
  type Encapsulation,
  HandshakeState,
  type KeyEncapsulation,
  type KeyPair,
} from "../../noise/mod.ts";
import { encodeAcceptance, encodeRefusal, REFUSAL } from "./answer.ts";
import { type Offer, SIGNALLING_VERSION, type SignallingBody } from "./body.ts";
import { type ChainVerifier, type VerifiedPeer, verifyPeer } from "./chain_verifier.ts";
import type { SessionKeys } from "./dialling.ts";
import { equalBytes } from "./equal_bytes.ts";
import { answerTagKey, requestTagKey, type RequestWay } from "./outer_tag.ts";
import { decodeRequest } from "./request.ts";
import type { RequestGuard } from "./request_guard.ts";
import {
  checkOutside,
  checkVersion,
  open,
  prologue,
  seal,
  SIGNALLING_PROTOCOL,
  staticKey,
  staticPublicKey,
  unreadable,
} from "./sealing.ts";
import { SignallingError, type SignallingErrorCode } from "./signalling_error.ts";

/** What a listener needs. */
export interface ListeningOptions<Peer extends VerifiedPeer> {
  /** Ours. */
  readonly identity: Identity;
  /** Admits requests; may be shared by several carriers. */
  readonly guard: RequestGuard;
  /** Encapsulates the answers' secrets. */
  readonly kem: Pick<KeyEncapsulation, "encapsulate">;
  /** Yields that many unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
  /** Verifies the dialer's certificates. */
  readonly verifyChain: ChainVerifier<Peer>;
}

/** A request that proved its sender: exactly one of accept, refuse and ignore ends it. */
export interface IncomingRequest<Peer> {
  /** The dialer's id: that of the key which the handshake authenticated. */
  readonly peerId: string;
  /** What its certificate chain told. */
  readonly peer: Peer;
  /** What it offers. */
  readonly body: SignallingBody;
  /**
   * Makes the sealed answer, and the session's keys in our direction.
   *
   * @throws {SignallingError} `malformed`, `oversize`, `used`
   */
  accept(offer: Offer): { sealed: Uint8Array; keys: SessionKeys };
  /**
   * Makes the sealed refusal. Only the dialer can read it.
   *
   * @param code one of {@linkcode REFUSAL}, or the application's own from 256 to 65,535
   * @param reason for people; cut to 400 characters
   * @throws {SignallingError} `malformed`, `used`
   */
  refuse(code: number, reason: string): Uint8Array;
  /** Gives no answer: the keys are erased. */
  ignore(): void;
}

/** What a flaw is called to the other side. */
const REFUSAL_OF: Partial<Record<SignallingErrorCode, number>> = {
  clock: REFUSAL.clock,
  certificate: REFUSAL.certificate,
  identity: REFUSAL.certificate,
  busy: REFUSAL.busy,
};

/** Opens the requests that carriers bring. */
export class Listening<Peer extends VerifiedPeer> {
  readonly #options: ListeningOptions<Peer>;
  readonly #static: KeyPair;
  readonly #ways: Record<
    RequestWay,
    { readonly prologue: Uint8Array; readonly tagKey: Uint8Array }
  >;

  /** Derives the identity's X25519 key pair, once. */
  constructor(options: ListeningOptions<Peer>) {
    this.#options = options;
    this.#static = staticKey(options.identity);
    const { id } = options.identity;
    const taking = (way: RequestWay) => ({
      prologue: prologue(id, SIGNALLING_VERSION, way),
      tagKey: requestTagKey(id, way),
    });
    this.#ways = { carrier: taking("carrier"), door: taking("door") };
  }

  /**
   * Reads a request.
   *
   * @param source who brought it, as its carrier names it
   * @param now milliseconds, monotonic
   * @param way who brought it; default: a carrier
   * @throws {SignallingError} before any public-key operation `oversize`, `version`, `unreadable`,
   *   `replay`, `rate`, `busy`; then `unreadable`, `rate`; then, with a `refusal` that may be sent,
   *   `malformed`, `downgrade`, `clock`, `certificate`, `identity`
   */
  async readRequest(
    sealed: Uint8Array,
    { source, now, way = "carrier" }: { source: string; now: number; way?: RequestWay },
  ): Promise<IncomingRequest<Peer>> {
    const { guard, random, verifyChain, wallClock } = this.#options;
    const { prologue, tagKey } = this.#ways[way];
    checkOutside(sealed, tagKey);
    const digest = guard.admit(sealed, source, now);
    const handshake = new HandshakeState({
      protocolName: SIGNALLING_PROTOCOL,
      initiator: false,
      prologue,
      s: this.#static,
      random,
    });
    try {
      const payload = open(handshake, sealed);
      guard.admitSender(handshake.remoteStatic!, digest, now);
      const encapsulating = this.#encapsulate(handshake.remoteEncapsulationKey!);
      encapsulating.catch(() => {}); // seen where it is waited for
      try {
        const body = decodeRequest(payload);
        checkVersion(SIGNALLING_VERSION, body.version, SIGNALLING_VERSION);
        guard.checkTime(body.time, wallClock());
        const peer = await verifyPeer(verifyChain, body.chain, wallClock());
        this.#checkBinding(peer.id, handshake.remoteStatic!);
        guard.prove(digest, body.time, now);
        return incoming(handshake, peer, body, await encapsulating, this.#options);
      } catch (error) {
        if (!(error instanceof SignallingError)) throw error;
        throw withRefusal(error, handshake, await encapsulating);
      }
    } catch (error) {
      handshake.erase();
      throw error;
    }
  }

  async #encapsulate(publicKey: Uint8Array): Promise<Encapsulation> {
    try {
      return await this.#options.kem.encapsulate(publicKey);
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /**
   * The handshake proved an X25519 key, the chain names an Ed25519 key: the one must map to the
   * other, or somebody else's certificates came with the sender's own key. That leaves the id and
   * its negative, which have the same image; the same secret stands behind both, and the chain, part
   * of the transcript, says which one it is. Our own id is as good as any: two programs of one
   * device may talk to each other, and nobody without its secret key can make such a request.
   */
  #checkBinding(peerId: string, remoteStatic: Uint8Array): void {
    if (!equalBytes(staticPublicKey(peerId), remoteStatic)) {
      throw new SignallingError("identity", "the certificates are not those of the sender's key");
    }
  }
}

function incoming<Peer extends VerifiedPeer>(
  handshake: HandshakeState,
  peer: Peer,
  request: SignallingBody,
  encapsulation: Encapsulation,
  { identity, wallClock }: ListeningOptions<Peer>,
): IncomingRequest<Peer> {
  const tagKey = answerTagKey(handshake);
  let answered = false;
  const end = () => {
    handshake.erase();
    encapsulation.sharedSecret.fill(0);
  };
  const once = <T>(payload: Uint8Array, finish: (sealed: Uint8Array) => T): T => {
    if (answered) throw new SignallingError("used", "the request is answered already");
    answered = true;
    try {
      return finish(seal(handshake, payload, tagKey, encapsulation));
    } finally {
      end();
    }
  };
  return {
    peerId: peer.id,
    peer,
    body: request,
    accept: (offer) => {
      const payload = encodeAcceptance({
        ...offer,
        options: offer.options ?? {},
        version: SIGNALLING_VERSION,
        connectionId: request.connectionId,
        time: wallClock(),
        chain: identity.chain,
      });
      return once(payload, (sealed) => ({ sealed, keys: handshake.split() }));
    },
    refuse: (code, reason) => once(encodeRefusal({ code, reason }), (sealed) => sealed),
    ignore: () => {
      answered = true;
      end();
    },
  };
}

/** The code of the refusal that answers a request which cannot be read for this reason. */
export function refusalCode({ code }: SignallingError): number {
  return REFUSAL_OF[code] ?? REFUSAL.malformed;
}

/** The same error with a sealed refusal: the sender proved a key, so it may be told what is wrong. */
function withRefusal(
  error: SignallingError,
  handshake: HandshakeState,
  encapsulation: Encapsulation,
): SignallingError {
  if (error.code === "replay") return error;
  const payload = encodeRefusal({ code: refusalCode(error), reason: error.message });
  const refusal = seal(handshake, payload, answerTagKey(handshake), encapsulation);
  const { offset, cause } = error;
  return new SignallingError(error.code, error.message, {
    refusal,
    ...(offset === undefined ? {} : { offset }),
    ...(cause === undefined ? {} : { cause }),
  });
}
