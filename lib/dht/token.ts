import { timingSafeEqual } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import type { SocketAddress } from "../ip/mod.ts";
import { ipBytes } from "./compact_nodes.ts";
import { type Engine, randomBetween } from "./engine.ts";

/** The secret changes every 15 to 45 min; the one before it is still honoured. */
const SECRET_LIFE_MS = [15 * 60_000, 45 * 60_000] as const;
const SECRET_LENGTH = 16;
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

  /** Rotation runs on the engine's timers. */
  constructor(engine: Engine, now: number) {
    this.#engine = engine;

    this.#secret = engine.random(SECRET_LENGTH);
    this.#scheduleRotation(now);
  }

  /** The token for an address: 16 bytes. */
  issue(address: SocketAddress): Uint8Array {
    return token(this.#secret, address);
  }

  /** Whether a token was issued to this address recently. */
  accepts(presented: Uint8Array | undefined, address: SocketAddress): boolean {
    if (presented === undefined || presented.length !== TOKEN_LENGTH) return false;
    return timingSafeEqual(presented, token(this.#secret, address)) ||
      (this.#previous !== undefined && timingSafeEqual(presented, token(this.#previous, address)));
  }

  #scheduleRotation(now: number): void {
    const at = now + randomBetween(this.#engine, ...SECRET_LIFE_MS);
    this.#engine.timers.schedule(at, (later) => {
      this.#previous = this.#secret;
      this.#secret = this.#engine.random(SECRET_LENGTH);
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
  return sha256(input).subarray(0, TOKEN_LENGTH);
}
