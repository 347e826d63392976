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
 * A hybrid pattern (modifier `hfs`) has a key encapsulation in it. Its keys, ciphertexts and secrets
 * are arguments, since platforms compute them beside the program:
 *
 * ```text
 *   generateKeyPair ─ e1 ─▶ initiator ── message ──▶ responder ── remoteEncapsulationKey ─▶ encapsulate
 *   decapsulate ◀─ readCiphertext ── ◀── message ── writeMessage(payload, encapsulation) ◀──────┘
 *        └── readMessage(message, sharedSecret)
 * ```
 *
 * @module
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { TAG_LENGTH } from "./aead.ts";
import { type KeyPair, X25519_LENGTH } from "./diffie_hellman.ts";
import { checkKeys } from "./handshake_keys.ts";
import type { HandshakeOptions, SplitKeys } from "./handshake_options.ts";
import type { Encapsulation } from "./key_encapsulation.ts";
import { messageOverhead } from "./message_overhead.ts";
import { NoiseError } from "./noise_error.ts";
import { parseProtocolName, type Protocol } from "./protocol_name.ts";
import { type Token, usesPsk } from "./pattern.ts";
import { SymmetricState } from "./symmetric_state.ts";
import { generateKeyPair, X25519 } from "./x25519.ts";

/** The longest Noise message, in bytes (Noise rev 34 §3). */
export const MAX_MESSAGE_LENGTH = 65_535;

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
 *
 * @example A hybrid handshake
 * ```ts
 * import { generateKeyPair, HandshakeState, ML_KEM_768 } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const bob = generateKeyPair(random), pair = await ML_KEM_768.generateKeyPair();
 * const common = { protocolName: "Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA256", random };
 * const initiator = new HandshakeState({
 *   ...common,
 *   initiator: true,
 *   rs: bob.publicKey,
 *   e1: pair.publicKey,
 * });
 * const responder = new HandshakeState({ ...common, initiator: false, s: bob });
 * responder.readMessage(initiator.writeMessage(new Uint8Array(0)));
 * const encapsulation = await ML_KEM_768.encapsulate(responder.remoteEncapsulationKey!);
 * const answer = responder.writeMessage(new Uint8Array(0), encapsulation);
 * const sharedSecret = await pair.decapsulate(initiator.readCiphertext(answer));
 * initiator.readMessage(answer, sharedSecret);
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
  readonly #e1: Uint8Array | undefined;
  #re1: Uint8Array | undefined;
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
      this.#e1 = from.#e1;
      this.#re1 = from.#re1;
      this.#psks = from.#psks.map((psk) => psk.slice());
      this.#turn = from.#turn;
      return;
    }
    this.#protocol = parseProtocolName(options.protocolName);
    checkKeys(options, this.#protocol);
    this.#initiator = options.initiator;
    this.#random = options.random;
    this.#s = options.s;
    this.#e = options.e && { ...options.e, secretKey: options.e.secretKey.slice() };
    this.#rs = options.rs?.slice();
    this.#e1 = options.e1?.slice();
    this.#psks = (options.psks ?? []).map((psk) => psk.slice());
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

  /** The peer's encapsulation key, once its message is read: what `writeMessage` wants the answer to. */
  get remoteEncapsulationKey(): Uint8Array | undefined {
    return this.#re1?.slice();
  }

  /**
   * Makes the next handshake message.
   *
   * @param payload carried in it: encrypted as soon as the pattern has a key
   * @param encapsulation for the peer's encapsulation key, where the message has the token `ekem1`
   * @throws {NoiseError} `turn`, `oversize`, `keys` when there is no encapsulation (all leave the
   *   state as it was), `bad-key`, `unusable`
   */
  writeMessage(payload: Uint8Array, encapsulation?: Encapsulation): Uint8Array {
    const tokens = this.#takeTurn(true);
    this.#checkEncapsulation(tokens, encapsulation);
    if (
      messageOverhead(this.#protocol, tokens, this.#symmetric.hasKey) + payload.length >
        MAX_MESSAGE_LENGTH
    ) {
      throw new NoiseError("oversize", `a message has at most ${MAX_MESSAGE_LENGTH} bytes`);
    }
    return this.#orErase(() => {
      const parts = tokens.map((token) => this.#writeToken(token, encapsulation));
      parts.push(this.#symmetric.encryptAndHash(payload));
      this.#turn++;
      return concatBytes(...parts);
    });
  }

  /**
   * The ciphertext in the peer's next handshake message, which has the token `ekem1`. Leaves the
   * state as it was, whatever the message.
   *
   * @throws {NoiseError} those of {@linkcode readMessage}; `turn` also where that message has none
   */
  readCiphertext(message: Uint8Array): Uint8Array {
    const tokens = this.#takeTurn(false);
    const before = tokens.indexOf("ekem1");
    if (before < 0) throw new NoiseError("turn", "no message with a ciphertext is to be read now");
    this.#checkLength(message, tokens);
    const state = this.clone();
    try {
      let rest = message;
      for (const token of tokens.slice(0, before)) rest = state.#readToken(token, rest, undefined);
      return state.#readField(rest, this.#protocol.kem!.ciphertext)[0];
    } finally {
      state.erase();
    }
  }

  /**
   * Reads the peer's next handshake message.
   *
   * @param sharedSecret what its ciphertext decapsulates to, see {@linkcode readCiphertext}; belongs
   *   to the caller
   * @returns its payload
   * @throws {NoiseError} `turn`, `keys` when the shared secret is missing (both leave the state as it
   *   was), `truncated`, `oversize`, `bad-key`, `decrypt` or `unusable`
   */
  readMessage(message: Uint8Array, sharedSecret?: Uint8Array): Uint8Array {
    const tokens = this.#takeTurn(false);
    if (tokens.includes("ekem1") !== (sharedSecret !== undefined)) {
      throw new NoiseError("keys", "a shared secret comes with a ciphertext, and not without");
    }
    return this.#orErase(() => {
      this.#checkLength(message, tokens);
      let rest = message;
      for (const token of tokens) rest = this.#readToken(token, rest, sharedSecret);
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

  #writeToken(token: Token, encapsulation: Encapsulation | undefined): Uint8Array {
    switch (token) {
      case "e":
        this.#e ??= generateKeyPair(this.#random);
        this.#mixEphemeral(this.#e.publicKey);
        return this.#e.publicKey;
      case "s":
        return this.#symmetric.encryptAndHash(this.#s!.publicKey);
      case "e1":
        return this.#symmetric.encryptAndHash(this.#e1!);
      case "ekem1": {
        // The ciphertext is under the key before it (HFS draft): it must not depend on its secret.
        const field = this.#symmetric.encryptAndHash(encapsulation!.ciphertext);
        this.#symmetric.mixKey(encapsulation!.sharedSecret);
        return field;
      }
      default:
        this.#mixSecret(token);
        return new Uint8Array(0);
    }
  }

  /** Consumes the token's field and returns what follows it. */
  #readToken(
    token: Token,
    message: Uint8Array,
    sharedSecret: Uint8Array | undefined,
  ): Uint8Array {
    switch (token) {
      case "e":
        this.#re = message.slice(0, X25519_LENGTH);
        this.#mixEphemeral(this.#re);
        return message.subarray(X25519_LENGTH);
      case "s": {
        const [key, rest] = this.#readField(message, X25519_LENGTH);
        this.#rs = key;
        return rest;
      }
      case "e1": {
        const [key, rest] = this.#readField(message, this.#protocol.kem!.publicKey);
        this.#re1 = key;
        return rest;
      }
      case "ekem1": {
        const [, rest] = this.#readField(message, this.#protocol.kem!.ciphertext);
        this.#symmetric.mixKey(sharedSecret!);
        return rest;
      }
      default:
        this.#mixSecret(token);
        return message;
    }
  }

  /** A field of that many bytes, encrypted once there is a key; and what follows it. */
  #readField(message: Uint8Array, bytes: number): [field: Uint8Array, rest: Uint8Array] {
    const length = bytes + (this.#symmetric.hasKey ? TAG_LENGTH : 0);
    const field = this.#symmetric.decryptAndHash(message.subarray(0, length)).slice();
    return [field, message.subarray(length)];
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    // With a psk, e keys the cipher too, so that no two handshakes share a key (§9.2).
    if (usesPsk(this.#protocol.pattern)) this.#symmetric.mixKey(publicKey);
  }

  #mixSecret(token: Exclude<Token, "e" | "s" | "e1" | "ekem1">): void {
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

  #checkLength(message: Uint8Array, tokens: readonly Token[]): void {
    if (message.length > MAX_MESSAGE_LENGTH) {
      throw new NoiseError("oversize", `a message has at most ${MAX_MESSAGE_LENGTH} bytes`);
    }
    if (message.length < messageOverhead(this.#protocol, tokens, this.#symmetric.hasKey)) {
      throw new NoiseError("truncated", "the message is shorter than the pattern's fields");
    }
  }

  #checkEncapsulation(tokens: readonly Token[], encapsulation: Encapsulation | undefined): void {
    const wanted = tokens.includes("ekem1") ? this.#protocol.kem : undefined;
    const fits = encapsulation?.ciphertext.length === wanted?.ciphertext &&
      encapsulation?.sharedSecret.length === wanted?.sharedSecret;
    if (!fits) throw new NoiseError("keys", "an encapsulation comes with the token ekem1 alone");
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
}
