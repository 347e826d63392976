import { sha1 } from "@noble/hashes/legacy.js";
import { idText } from "./node_id.ts";
import { Lookup, TARGET_NODES } from "./lookup.ts";
import type { OperationContext, RunningGet, ValuesCallback } from "./operation.ts";
import { ownBytes } from "./storage.ts";
import { type DhtValue, encodeValue } from "./value.ts";
import { matchesFilter, type ValueFilter } from "./value_query.ts";

/** What a get wants to be told. */
export interface GetOptions {
  /** Only these values; the storers do the filtering. Absent: all. */
  readonly where?: ValueFilter;
  /** Values not reported before, as they come in. */
  readonly onValues: ValuesCallback;
  /** Over; `ok` tells whether at least one node answered. */
  readonly onDone: (ok: boolean) => void;
}

/** Values that one get reports; more are ignored. */
const GET_VALUES_LIMIT = 4096;

/** Identifies a value by id and content. */
export function valueFingerprint(value: DhtValue): string {
  return idText(sha1(encodeValue(value)));
}

/** Walks to a key in each address family and collects what the nodes there have. */
export class GetOperation implements RunningGet {
  readonly #options: GetOptions;
  /** {@linkcode RunningGet.hops} */
  hops: number | undefined;
  readonly #lookups: Lookup[] = [];
  readonly #seen = new Set<string>();
  #running = 0;
  #answered = false;
  #cancelled = false;

  /** Values that we store ourselves are reported before this returns. */
  constructor(
    { overlays, storage }: OperationContext,
    key: Uint8Array,
    options: GetOptions,
    now: number,
  ) {
    this.#options = options;

    const where = options.where ?? {};
    this.#report(storage.values(key, where).map((stored) => stored.value));
    for (const overlay of overlays) {
      this.#running++;
      const lookup = new Lookup(overlay, {
        target: key,
        query: { select: [], where },
        onReply: (candidate, _reply, values) => {
          this.#answered = true;
          if (values.length > 0) this.hops ??= candidate.hops;
          this.#report(values);
        },
        onDone: () => this.#ended(),
      });
      this.#lookups.push(lookup);
    }
    for (const lookup of this.#lookups) lookup.start(now);
  }

  /** {@linkcode Operation.cancel} */
  cancel(): void {
    this.#cancelled = true;
    for (const lookup of this.#lookups) lookup.cancel();
  }

  #report(values: readonly DhtValue[]): void {
    if (this.#cancelled) return;
    const where = this.#options.where ?? {}, fresh: DhtValue[] = [];
    for (const value of values) {
      if (!matchesFilter(value, where) || this.#seen.size >= GET_VALUES_LIMIT) continue;
      const fingerprint = valueFingerprint(value);
      if (this.#seen.has(fingerprint)) continue;
      this.#seen.add(fingerprint);
      fresh.push(ownBytes(value));
    }
    if (fresh.length > 0) this.#options.onValues(fresh);
  }

  #ended(): void {
    this.#running--;
    // An address family without any node must not hold up the other.
    if (this.#answered && this.#lookups.every((lookup) => lookup.done || lookup.isWaiting)) {
      for (const lookup of this.#lookups) lookup.cancel();
      this.#running = 0;
    }
    if (this.#running === 0 && !this.#cancelled) this.#options.onDone(this.#answered);
  }

  /** {@linkcode RunningGet.depth} */
  get depth(): number {
    const closest = this.#lookups.flatMap((lookup) => lookup.closest(TARGET_NODES));
    return Math.max(0, ...closest.map((candidate) => candidate.hops));
  }
}
