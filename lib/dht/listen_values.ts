import type { Engine } from "./engine.ts";
import { valueFingerprint } from "./get_operation.ts";
import { ownBytes } from "./storage.ts";
import type { Timer } from "./timer_queue.ts";
import type { DhtValue } from "./value.ts";
import { matchesFilter, type ValueFilter } from "./value_query.ts";
import { valueLifeMs } from "./value_type.ts";

/** Values that one listen remembers; the oldest is forgotten first (OpenDHT's listen cache). */
const KNOWN_VALUES_LIMIT = 4096;
/** How often lives are checked that no storer ended. */
const SWEEP_INTERVAL_MS = 30_000;

interface KnownValue {
  readonly id: bigint;
  readonly type: number;
  /** Storers that have it. */
  readonly holders: Set<unknown>;
  expiresAt: number;
}

/**
 * What a listen has seen: several storers report the same value, and each tells its end. A value is
 * new once for each content, and expired when the last of its storers says so or its life is over.
 */
export class ListenValues {
  readonly #engine: Engine;
  readonly #where: ValueFilter;
  readonly #onValues: (values: DhtValue[]) => void;
  readonly #onExpired: ((ids: bigint[]) => void) | undefined;
  readonly #known = new Map<string, KnownValue>();
  #timer: Timer | undefined;

  /** Callbacks get new values, and ids that are gone. */
  constructor(
    engine: Engine,
    where: ValueFilter,
    onValues: (values: DhtValue[]) => void,
    onExpired: ((ids: bigint[]) => void) | undefined,
  ) {
    this.#engine = engine;
    this.#where = where;
    this.#onValues = onValues;
    this.#onExpired = onExpired;
  }

  /** A storer has these values. */
  add(values: readonly DhtValue[], holder: unknown, now: number): void {
    const fresh: DhtValue[] = [];
    for (const value of values) {
      if (!matchesFilter(value, this.#where)) continue;
      const fingerprint = valueFingerprint(value), expiresAt = now + valueLifeMs(value.type);
      const known = this.#known.get(fingerprint);
      if (known !== undefined) {
        known.holders.add(holder);
        known.expiresAt = Math.max(known.expiresAt, expiresAt);
        continue;
      }
      const { id, type } = value;
      this.#known.set(fingerprint, { id, type, holders: new Set([holder]), expiresAt });
      if (this.#known.size > KNOWN_VALUES_LIMIT) {
        this.#known.delete(this.#known.keys().next().value!);
      }
      fresh.push(ownBytes(value));
    }
    if (this.#known.size > 0) this.#sweepLater(now);
    if (fresh.length > 0) this.#onValues(fresh);
  }

  /** A storer extended the life of values. */
  refresh(ids: readonly bigint[], now: number): void {
    const extended = new Set(ids);
    for (const known of this.#known.values()) {
      if (extended.has(known.id)) known.expiresAt = now + valueLifeMs(known.type);
    }
  }

  /** A storer dropped values. */
  expire(ids: readonly bigint[], holder: unknown): void {
    const gone = new Set(ids);
    this.#end((known) =>
      gone.has(known.id) && known.holders.delete(holder) && known.holders.size === 0
    );
  }

  /** Stops the clock. */
  close(): void {
    this.#engine.timers.cancel(this.#timer);
  }

  #sweepLater(now: number): void {
    if (this.#timer?.run !== undefined) return;
    this.#timer = this.#engine.timers.schedule(now + SWEEP_INTERVAL_MS, (later) => {
      this.#end((known) => known.expiresAt <= later);
      if (this.#known.size > 0) this.#sweepLater(later);
    });
  }

  #end(isOver: (known: KnownValue) => boolean): void {
    const ids: bigint[] = [];
    for (const [fingerprint, known] of this.#known) {
      if (!isOver(known)) continue;
      this.#known.delete(fingerprint);
      ids.push(known.id);
    }
    if (ids.length > 0) this.#onExpired?.(ids);
  }
}
