/**
 * The dialer's side of the two signalling messages.
 *
 * ```text
 *  createRequest ──▶ waiting ── ciphertext opens ─▶ decapsulating ──▶ answered: accepted | refused
 *                     ▲   │ └──── close ──────────────────▶ closed
 *                     └───┘ readAnswer throws `unreadable`: forged, the true answer may still come
 * ```
 *
 * @module
 */
import type { Identity } from "../../identity/mod.ts";
import { type EncapsulationKeyPair, HandshakeState, type SplitKeys } from "../../noise/mod.ts";
import { type AnswerPayload, decodeAnswer, type Refusal } from "./answer.ts";
import {
  CONNECTION_ID_LENGTH,
  type Offer,
  SIGNALLING_VERSION,
  type SignallingBody,
} from "./body.ts";
import { type ChainVerifier, type VerifiedPeer, verifyPeer } from "./chain_verifier.ts";
import { equalBytes } from "./equal_bytes.ts";
import { answerTagKey, requestTagKey, type RequestWay } from "./outer_tag.ts";
import { encodeRequest } from "./request.ts";
import {
  checkOutside,
  checkVersion,
  open,
  openCiphertext,
  prologue,
  seal,
  SIGNALLING_PROTOCOL,
  staticKey,
  staticPublicKey,
} from "./sealing.ts";
import { SignallingError } from "./signalling_error.ts";

/** The keys of the session that the two messages made, in our direction. */
export type SessionKeys = SplitKeys;

/** The listener's answer. */
export type Answer<Peer> =
  | {
    readonly kind: "accepted";
    /** The session's keys. */
    readonly keys: SessionKeys;
    /** What the listener offers. */
    readonly body: SignallingBody;
    /** What its certificate chain told. */
    readonly peer: Peer;
  }
  | ({ readonly kind: "refused" } & Refusal);

/** What a request is made from. */
export interface RequestOptions<Peer extends VerifiedPeer> {
  /** Ours. */
  readonly identity: Identity;
  /** Whom to reach: 64 hexadecimal characters. */
  readonly listenerId: string;
  /** ICE credentials, candidates and options. */
  readonly offer: Offer;
  /** For this request alone, which erases it. */
  readonly encapsulationKeys: EncapsulationKeyPair;
  /** Who is to bring it. Default: a carrier. */
  readonly way?: RequestWay;
  /** Yields that many unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
  /** Verifies the listener's certificates. */
  readonly verifyChain: ChainVerifier<Peer>;
}

/**
 * Makes a request, sealed to the listener: nobody else can read it, or learn from it who sent it.
 *
 * @throws {SignallingError} `identity` when the id is no key, `oversize`, `malformed`
 *
 * @example
 * ```ts ignore
 * const encapsulationKeys = await ML_KEM_768.generateKeyPair();
 * const dialling = createRequest({ identity, listenerId, offer, encapsulationKeys, … });
 * const answer = await exchange(carrier, dialling, { signal });
 * if (answer.kind === "accepted") start(answer.keys, answer.body.candidates);
 * ```
 */
export function createRequest<Peer extends VerifiedPeer>(
  options: RequestOptions<Peer>,
): Dialling<Peer> {
  return new Dialling(options);
}

/** A request and what it takes to read its answer. */
export class Dialling<Peer extends VerifiedPeer> {
  /** The sealed request, to be carried to the listener. */
  readonly sealed: Uint8Array;
  /** 16 random bytes. */
  readonly connectionId: Uint8Array;
  /** Whom it is for. */
  readonly listenerId: string;
  readonly #handshake: HandshakeState;
  readonly #options: RequestOptions<Peer>;
  readonly #tagKey: Uint8Array;
  #over = false;

  /** See {@linkcode createRequest}. */
  constructor(options: RequestOptions<Peer>) {
    const { identity, offer, random, way } = options;
    const rs = staticPublicKey(options.listenerId);
    this.listenerId = options.listenerId.toLowerCase();
    this.#options = options;
    this.connectionId = random(CONNECTION_ID_LENGTH);
    this.#handshake = new HandshakeState({
      protocolName: SIGNALLING_PROTOCOL,
      initiator: true,
      prologue: prologue(this.listenerId, SIGNALLING_VERSION, way),
      s: staticKey(identity),
      rs,
      e1: options.encapsulationKeys.publicKey,
      random,
    });
    const payload = encodeRequest({
      ...offer,
      options: offer.options ?? {},
      version: SIGNALLING_VERSION,
      connectionId: this.connectionId,
      time: options.wallClock(),
      chain: identity.chain,
    });
    this.sealed = seal(this.#handshake, payload, requestTagKey(this.listenerId, way));
    this.#tagKey = answerTagKey(this.#handshake);
  }

  /**
   * Reads an answer. Whoever can put something where answers are looked for may put rubbish there:
   * that is `unreadable` (`oversize`, `version`) and leaves the dial waiting, see
   * {@linkcode isForgery}; it costs a hash, see {@linkcode answerTagKey}. An answer whose ciphertext
   * opens is the listener's, and the last one.
   *
   * @throws {SignallingError} `unreadable`, `oversize`, `version`; `malformed`, `downgrade`,
   *   `certificate`, `identity` when the listener's own answer is unsound; `used`
   */
  async readAnswer(sealed: Uint8Array): Promise<Answer<Peer>> {
    if (this.#over) throw new SignallingError("used", "the dial is over");
    checkOutside(sealed, this.#tagKey);
    const ciphertext = openCiphertext(this.#handshake, sealed);
    this.#over = true;
    let answer: AnswerPayload, keys: SessionKeys;
    try {
      const sharedSecret = await this.#options.encapsulationKeys.decapsulate(ciphertext);
      answer = decodeAnswer(open(this.#handshake, sealed, sharedSecret));
      sharedSecret.fill(0);
      keys = this.#handshake.split();
    } finally {
      this.close();
    }
    if (answer.kind === "refused") return answer;
    const { body } = answer;
    checkVersion(SIGNALLING_VERSION, body.version, SIGNALLING_VERSION);
    if (!equalBytes(body.connectionId, this.connectionId)) {
      throw new SignallingError("malformed", "the answer names another connection");
    }
    const peer = await verifyPeer(this.#options.verifyChain, body.chain, this.#options.wallClock());
    // The handshake proved the X25519 key; this that the certificates speak of the id dialled.
    if (peer.id !== this.listenerId) {
      throw new SignallingError(
        "identity",
        `the certificates are those of ${peer.id}, not of ${this.listenerId}`,
      );
    }
    return { kind: "accepted", keys, body, peer };
  }

  /** Gives up: the keys are erased. */
  close(): void {
    this.#over = true;
    this.#handshake.erase();
    this.#options.encapsulationKeys.erase();
    this.#tagKey.fill(0);
  }
}

/** Whether an error of {@linkcode Dialling.readAnswer} says that the answer was not the listener's. */
export function isForgery(error: unknown): boolean {
  return error instanceof SignallingError &&
    (error.code === "unreadable" || error.code === "oversize" || error.code === "version");
}
