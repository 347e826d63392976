import { timingSafeEqual } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import type { SocketAddress } from "../ip/mod.ts";
import { ipBytes } from "./compact_nodes.ts";
import { type Engine, randomBetween } from "./engine.ts";

/** The secret changes every 15 to 45 min; the one before it is still honoured. */
const SECRET_LIFE_MS = [15 * 60_000, 45 * 60_000] as const;
const SECRET_LENGTH = 16;
/** Tokens remembered, so that whoever asks much costs one hash. */
const REMEMBERED_LIMIT = 1024;
/** Half of a hash: a longer token would take room from the nodes in replies to strangers. */
const TOKEN_LENGTH = 16;

/**
 * Tokens that we hand out: whoever presents one receives packets at the address it is bound to.
 * A token is the first half of SHA-256(secret ‖ IP ‖ port); others treat it as opaque.
 */
export class TokenIssuer {
  readonly #engine: Engine;
  #secret: Uint8Array;
  #previous: Uint8Array | undefined;
  /** Those of the current secret, by address; forgotten all at once. */
  readonly #remembered = new Map<string, Uint8Array>();

  /** Rotation runs on the engine's timers. */
  constructor(engine: Engine, now: number) {
    this.#engine = engine;

    this.#secret = engine.random(SECRET_LENGTH);
    this.#scheduleRotation(now);
  }

  /** The token for an address: 16 bytes, not to be changed. @param text the address as text */
  issue(address: SocketAddress, text: string): Uint8Array {
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const issued = token(this.#secret, address);
    if (this.#remembered.size >= REMEMBERED_LIMIT) this.#remembered.clear();
    this.#remembered.set(text, issued);
    return issued;
  }

  /** Whether a token was issued to this address recently. */
  accepts(presented: Uint8Array | undefined, address: SocketAddress, text: string): boolean {
    if (presented === undefined || presented.length !== TOKEN_LENGTH) return false;
    return timingSafeEqual(presented, this.issue(address, text)) ||
      (this.#previous !== undefined && timingSafeEqual(presented, token(this.#previous, address)));
  }

  #scheduleRotation(now: number): void {
    const at = now + randomBetween(this.#engine, ...SECRET_LIFE_MS);
    this.#engine.timers.schedule(at, (later) => {
      this.#previous = this.#secret;
      this.#secret = this.#engine.random(SECRET_LENGTH);
      this.#remembered.clear();
      this.#scheduleRotation(later);
    });
  }
}

function token(secret: Uint8Array, { ip, port }: SocketAddress): Uint8Array {
  const address = ipBytes(ip), input = new Uint8Array(SECRET_LENGTH + address.length + 2);
  input.set(secret);
  input.set(address, SECRET_LENGTH);
  input[input.length - 2] = port >> 8;
  input[input.length - 1] = port;
  return sha256(input).slice(0, TOKEN_LENGTH);
}
