import { ipFamily, parseIp } from "../ip/mod.ts";

/** Queries taken per second from one IPv4 address or one IPv6 /64. */
export const QUERIES_PER_SOURCE = 1024;
/** Queries taken per second in all. */
export const QUERIES_TOTAL = 8192;
const WINDOW_MS = 1_000;

/**
 * Counts queries in the last second, per source and in all. The second slides: of the counts of the
 * previous whole second the part that still lies in the window is taken, evenly spread.
 */
export class RateLimiter {
  readonly #perSource: number;
  readonly #total: number;
  #windowStart = -Infinity;
  #current = new Map<string, number>();
  #previous = new Map<string, number>();
  #currentTotal = 0;
  #previousTotal = 0;

  /** Limits are queries per second. */
  constructor(
    perSource = QUERIES_PER_SOURCE,
    total = QUERIES_TOTAL,
  ) {
    this.#perSource = perSource;
    this.#total = total;
  }

  /** Counts a query; false means that it must be dropped. */
  admit(ip: string, now: number): boolean {
    this.#advance(now);
    const source = sourceKey(ip), share = 1 - (now - this.#windowStart) / WINDOW_MS;
    if (this.#currentTotal + this.#previousTotal * share >= this.#total) return false;
    const count = this.#current.get(source) ?? 0;
    if (count + (this.#previous.get(source) ?? 0) * share >= this.#perSource) return false;
    this.#current.set(source, count + 1);
    this.#currentTotal++;
    return true;
  }

  #advance(now: number): void {
    if (now - this.#windowStart < WINDOW_MS) return;
    const consecutive = now - this.#windowStart < 2 * WINDOW_MS;
    this.#previous = consecutive ? this.#current : new Map();
    this.#previousTotal = consecutive ? this.#currentTotal : 0;
    this.#current = new Map();
    this.#currentTotal = 0;
    this.#windowStart = consecutive ? this.#windowStart + WINDOW_MS : now;
  }
}

/** IPv4 address, or the /64 of an IPv6 address: what one party commands. */
export function sourceKey(ip: string): string {
  if (ipFamily(ip) === 4) return ip;
  return String.fromCharCode(...parseIp(ip).subarray(0, 8));
}
