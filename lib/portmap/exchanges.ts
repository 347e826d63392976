/** Time until the first retransmission in milliseconds; it doubles each time (RFC 6886 §3.1). */
export const RETRANSMISSION_MS = 250;
/**
 * How often a request is sent before it counts as unanswered, after 3.75 s. RFC 6886 §3.1 would go on for
 * two minutes and RFC 6887 §8.1.1 for ever; here another protocol is tried meanwhile, and the
 * mapping's own timers come back to it.
 */
export const MAX_ATTEMPTS = 4;

interface Exchange {
  readonly bytes: Uint8Array;
  readonly onUnanswered: (now: number) => void;
  attempts: number;
  nextAt: number;
}

/**
 * Requests over UDP and their retransmissions. One table serves PCP as well as NAT-PMP, at the
 * latter's pace: it is the same server on the same link.
 */
export class Exchanges {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #random: (length: number) => Uint8Array;
  readonly #exchanges = new Map<string, Exchange>();

  /** Nothing is under way. @param random for the jitter that keeps hosts from marching in step (RFC 6887 §8.1.1) */
  constructor(
    send: (bytes: Uint8Array) => void,
    random: (length: number) => Uint8Array,
  ) {
    this.#send = send;
    this.#random = random;
  }

  /** Sends a request, in place of an unanswered one with the same key. */
  start(
    key: string,
    bytes: Uint8Array,
    now: number,
    onUnanswered: (now: number) => void,
  ): void {
    const exchange = { bytes, onUnanswered, attempts: 0, nextAt: now };
    this.#exchanges.set(key, exchange);
    this.#attempt(exchange, now);
  }

  /** Whether a request with that key waits for its answer. */
  has(key: string): boolean {
    return this.#exchanges.has(key);
  }

  /** Takes the answer: nothing is sent again. False when nothing was waiting for it. */
  finish(key: string): boolean {
    return this.#exchanges.delete(key);
  }

  /** Sends again what is due, and gives up what has been sent often enough. */
  handleTimeout(now: number): void {
    for (const [key, exchange] of [...this.#exchanges]) {
      if (exchange.nextAt > now || this.#exchanges.get(key) !== exchange) continue;
      if (exchange.attempts < MAX_ATTEMPTS) {
        this.#attempt(exchange, now);
        continue;
      }
      this.#exchanges.delete(key);
      exchange.onUnanswered(now);
    }
  }

  /** When the next retransmission or giving up is due. */
  pollTimeout(): number | undefined {
    let next: number | undefined;
    for (const { nextAt } of this.#exchanges.values()) {
      if (next === undefined || nextAt < next) next = nextAt;
    }
    return next;
  }

  #attempt(exchange: Exchange, now: number): void {
    const jitter = 0.9 + this.#random(1)[0]! / 1280; // 0.9 to 1.1
    exchange.nextAt = now + RETRANSMISSION_MS * 2 ** exchange.attempts++ * jitter;
    this.#send(exchange.bytes);
  }
}
