/**
 * One handshake (Noise rev 34 §5.3), driven by its pattern:
 *
 * ```text
 *              our turn: writeMessage            last message done
 *   ┌────────┐ ─────────────────────▶ ┌────────┐ ────────────────▶ ┌──────────┐ split ┌──────┐
 *   │ turn i │                        │turn i+1│                   │ complete │ ────▶ │ over │
 *   └────────┘ ◀── peer's turn:       └────────┘                   └──────────┘       └──────┘
 *       │           readMessage           │                                              ▲
 *       └───────── readMessage fails ─────┴──────────── keys erased ─────────────────────┘
 * ```
 *
 * @module
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { CIPHER_KEY_LENGTH, TAG_LENGTH } from "./aead.ts";
import { type KeyPair, X25519_LENGTH } from "./diffie_hellman.ts";
import { NoiseError } from "./noise_error.ts";
import { parseProtocolName, type Protocol } from "./protocol_name.ts";
import type { Token } from "./pattern.ts";
import { SymmetricState } from "./symmetric_state.ts";
import { generateKeyPair, X25519 } from "./x25519.ts";

/** The longest Noise message, in bytes (Noise rev 34 §3). */
export const MAX_MESSAGE_LENGTH = 65_535;

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

/**
 * A handshake in progress. A message that does not read leaves the state unusable and its keys
 * erased, as Noise rev 34 §5.3 demands.
 *
 * @example
 * ```ts
 * import { generateKeyPair, HandshakeState } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const [alice, bob] = [generateKeyPair(random), generateKeyPair(random)];
 * const common = { protocolName: "Noise_IK_25519_ChaChaPoly_SHA256", random };
 * const initiator = new HandshakeState({
 *   ...common,
 *   initiator: true,
 *   s: alice,
 *   rs: bob.publicKey,
 * });
 * const responder = new HandshakeState({ ...common, initiator: false, s: bob });
 * responder.readMessage(initiator.writeMessage(new TextEncoder().encode("hello")));
 * initiator.readMessage(responder.writeMessage(new Uint8Array(0)));
 * assert.deepEqual(responder.remoteStatic, alice.publicKey);
 * assert.deepEqual(initiator.split().send, responder.split().receive);
 * ```
 */
export class HandshakeState {
  readonly #protocol: Protocol;
  readonly #initiator: boolean;
  readonly #random: (length: number) => Uint8Array;
  readonly #symmetric: SymmetricState;
  readonly #s: KeyPair | undefined;
  #e: KeyPair | undefined;
  #rs: Uint8Array | undefined;
  #re: Uint8Array | undefined;
  #psks: Uint8Array[];
  #turn = 0;
  #usable = true;

  /**
   * Prepares the handshake: hashes prologue and known keys into the transcript.
   *
   * @param options what to start from; or a state to copy, see {@linkcode HandshakeState.clone}
   * @throws {NoiseError} `protocol-name`, or `keys` when the keys do not fit the pattern
   */
  constructor(options: HandshakeOptions | HandshakeState) {
    if (options instanceof HandshakeState) {
      const from = options;
      this.#protocol = from.#protocol;
      this.#initiator = from.#initiator;
      this.#random = from.#random;
      this.#symmetric = new SymmetricState(from.#protocol, from.#symmetric);
      this.#s = from.#s;
      this.#e = from.#e && { ...from.#e, secretKey: from.#e.secretKey.slice() };
      this.#rs = from.#rs;
      this.#re = from.#re;
      this.#psks = from.#psks.map((psk) => psk.slice());
      this.#turn = from.#turn;
      return;
    }
    this.#protocol = parseProtocolName(options.protocolName);
    this.#initiator = options.initiator;
    this.#random = options.random;
    this.#s = options.s;
    this.#e = options.e && { ...options.e, secretKey: options.e.secretKey.slice() };
    this.#rs = options.rs?.slice();
    this.#psks = (options.psks ?? []).map((psk) => psk.slice());
    this.#checkKeys();
    this.#symmetric = new SymmetricState(this.#protocol);
    this.#symmetric.mixHash(options.prologue ?? new Uint8Array(0));
    const { known } = this.#protocol.pattern;
    const [ours, theirs] = [this.#s?.publicKey, this.#rs];
    if (known.initiator) this.#symmetric.mixHash((this.#initiator ? ours : theirs)!);
    if (known.responder) this.#symmetric.mixHash((this.#initiator ? theirs : ours)!);
  }

  /** Whether the last message is done and {@linkcode HandshakeState.split} is due. */
  get complete(): boolean {
    return this.#usable && this.#turn === this.#protocol.pattern.messages.length;
  }

  /** The peer's static public key, once known. Proven only when a later message from it reads. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs?.slice();
  }

  /**
   * Makes the next handshake message.
   *
   * @param payload carried in it: encrypted as soon as the pattern has a key
   * @throws {NoiseError} `turn`, `oversize` (both leave the state as it was), `bad-key`, `unusable`
   */
  writeMessage(payload: Uint8Array): Uint8Array {
    const tokens = this.#takeTurn(true);
    if (this.#overhead(tokens) + payload.length > MAX_MESSAGE_LENGTH) {
      throw new NoiseError("oversize", `a message has at most ${MAX_MESSAGE_LENGTH} bytes`);
    }
    return this.#orErase(() => {
      const parts = tokens.map((token) => this.#writeToken(token));
      parts.push(this.#symmetric.encryptAndHash(payload));
      this.#turn++;
      return concatBytes(...parts);
    });
  }

  /**
   * Reads the peer's next handshake message.
   *
   * @returns its payload
   * @throws {NoiseError} `turn` (leaves the state as it was), `truncated`, `oversize`, `bad-key`,
   *   `decrypt` or `unusable`
   */
  readMessage(message: Uint8Array): Uint8Array {
    const tokens = this.#takeTurn(false);
    return this.#orErase(() => {
      if (message.length > MAX_MESSAGE_LENGTH) {
        throw new NoiseError("oversize", `a message has at most ${MAX_MESSAGE_LENGTH} bytes`);
      }
      if (message.length < this.#overhead(tokens)) {
        throw new NoiseError("truncated", "the message is shorter than the pattern's fields");
      }
      let rest = message;
      for (const token of tokens) rest = this.#readToken(token, rest);
      const payload = this.#symmetric.decryptAndHash(rest);
      this.#turn++;
      return payload;
    });
  }

  /**
   * The keys that the handshake yielded; erases its own.
   *
   * @throws {NoiseError} `incomplete` before the last message, `unusable` the second time
   */
  split(): SplitKeys {
    if (this.#usable && !this.complete) {
      throw new NoiseError("incomplete", "the handshake is not over");
    }
    this.#checkUsable();
    const [initiator, responder] = this.#symmetric.split();
    const handshakeHash = this.#symmetric.handshakeHash;
    this.erase();
    return this.#initiator
      ? { send: initiator, receive: responder, handshakeHash }
      : { send: responder, receive: initiator, handshakeHash };
  }

  /**
   * A key that both sides have at this point of the handshake, and nobody else, for a use beside the
   * handshake's own: HASHLEN bytes of HKDF over the chaining key (as the extension "additional
   * symmetric keys" does). It tells nothing of the handshake's keys.
   *
   * @param label names the use; not empty, for without one Noise itself derives its keys
   * @throws {NoiseError} `unusable`
   */
  additionalKey(label: Uint8Array): Uint8Array {
    this.#checkUsable();
    return this.#symmetric.additionalKey(label);
  }

  /**
   * A state of its own at the same point. For *reading* where several candidates for the peer's
   * next message may arrive and all but one are forged: each is tried on a clone, so that a forgery
   * does not end the handshake. Never write from two clones with the same ephemeral key.
   */
  clone(): HandshakeState {
    this.#checkUsable();
    return new HandshakeState(this);
  }

  /** Overwrites the keys that are this state's own; it is unusable afterwards. */
  erase(): void {
    this.#usable = false;
    this.#symmetric.erase();
    this.#e?.secretKey.fill(0);
    this.#e = undefined;
    for (const psk of this.#psks) psk.fill(0);
    this.#psks = [];
  }

  #writeToken(token: Token): Uint8Array {
    if (token === "e") {
      this.#e ??= generateKeyPair(this.#random);
      this.#mixEphemeral(this.#e.publicKey);
      return this.#e.publicKey;
    }
    if (token === "s") return this.#symmetric.encryptAndHash(this.#s!.publicKey);
    this.#mixSecret(token);
    return new Uint8Array(0);
  }

  /** Consumes the token's field and returns what follows it. */
  #readToken(token: Token, message: Uint8Array): Uint8Array {
    if (token === "e") {
      this.#re = message.slice(0, X25519_LENGTH);
      this.#mixEphemeral(this.#re);
      return message.subarray(X25519_LENGTH);
    }
    if (token === "s") {
      const length = X25519_LENGTH + (this.#symmetric.hasKey ? TAG_LENGTH : 0);
      this.#rs = this.#symmetric.decryptAndHash(message.subarray(0, length)).slice();
      return message.subarray(length);
    }
    this.#mixSecret(token);
    return message;
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    // With a psk, e keys the cipher too, so that no two handshakes share a key (§9.2).
    if (this.#usesPsk) this.#symmetric.mixKey(publicKey);
  }

  #mixSecret(token: Exclude<Token, "e" | "s">): void {
    if (token === "psk") {
      const psk = this.#psks.shift()!;
      this.#symmetric.mixKeyAndHash(psk);
      psk.fill(0);
      return;
    }
    // The first letter is the initiator's key, the second the responder's.
    const [ours, theirs] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const secretKey = (ours === "e" ? this.#e : this.#s)!.secretKey;
    const shared = X25519.sharedSecret(secretKey, (theirs === "e" ? this.#re : this.#rs)!);
    this.#symmetric.mixKey(shared);
    shared.fill(0);
  }

  get #usesPsk(): boolean {
    return this.#protocol.pattern.messages.some((tokens) => tokens.includes("psk"));
  }

  /** What the next message is longer than its payload. */
  #overhead(tokens: readonly Token[]): number {
    let keyed = this.#symmetric.hasKey;
    let length = 0;
    for (const token of tokens) {
      if (token === "e" || token === "s") length += X25519_LENGTH;
      if (token === "s" && keyed) length += TAG_LENGTH;
      if (token === "e" ? this.#usesPsk : token !== "s") keyed = true;
    }
    return length + (keyed ? TAG_LENGTH : 0);
  }

  #takeTurn(write: boolean): readonly Token[] {
    this.#checkUsable();
    const tokens = this.#protocol.pattern.messages[this.#turn];
    const ours = (this.#turn % 2 === 0) === this.#initiator;
    if (tokens === undefined || ours !== write) {
      throw new NoiseError("turn", `no message is to be ${write ? "written" : "read"} now`);
    }
    return tokens;
  }

  #checkUsable(): void {
    if (!this.#usable) throw new NoiseError("unusable", "the handshake failed or is over");
  }

  #orErase<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.erase();
      throw error;
    }
  }

  #checkKeys(): void {
    const { known, messages } = this.#protocol.pattern;
    const side = (initiator: boolean) => ({
      known: initiator ? known.initiator : known.responder,
      sent: messages.some((tokens, i) => (i % 2 === 0) === initiator && tokens.includes("s")),
    });
    const [our, their] = [side(this.#initiator), side(!this.#initiator)];
    const psks = messages.flat().filter((token) => token === "psk").length;
    const lengths = [this.#s?.publicKey, this.#s?.secretKey, this.#rs, ...this.#psks];
    const wrong = lengths.some((key) => key !== undefined && key.length !== CIPHER_KEY_LENGTH) ||
      (our.known || our.sent) !== (this.#s !== undefined) ||
      their.known !== (this.#rs !== undefined) || psks !== this.#psks.length;
    if (wrong) {
      throw new NoiseError(
        "keys",
        `the keys do not fit the pattern ${this.#protocol.pattern.name}`,
      );
    }
  }
}
