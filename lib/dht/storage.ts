import type { Engine } from "./engine.ts";
import { idText } from "./node_id.ts";
import { sourceKey } from "./rate_limit.ts";
import type { Timer } from "./timer_queue.ts";
import { decodeValue, type DhtValue, encodeValue } from "./value.ts";
import { matchesFilter, type ValueFilter } from "./value_query.ts";
import { mayReplace, valueLifeMs } from "./value_type.ts";

/** Bytes stored in all: 64 MiB. */
export const STORAGE_BYTES_LIMIT = 64 << 20;
/** Values under one key. */
export const VALUES_PER_KEY_LIMIT = 65_536;
/**
 * The same of one source, whose oldest value there gives way: what is under a key is looked at with
 * each question for it, and one source must not make that long.
 */
export const VALUES_PER_SOURCE_AND_KEY_LIMIT = 4_096;
/** Memory that a value alone under its key takes besides its packed bytes, as measured. */
const VALUE_OVERHEAD = 1_472;

/** Of the largest user's values, one in so many is chosen at once to make room. */
const EVICTED_PART = 16;

/** A value that we keep for others. */
export interface StoredValue {
  readonly keyText: string;
  readonly key: Uint8Array;
  /** Its byte strings are views into `packed`. */
  readonly value: DhtValue;
  readonly packed: Uint8Array;
  /** Who put it: an IPv4 address or an IPv6 /64. */
  readonly source: string;
  expiresAt: number;
  timer: Timer | undefined;
}

/** What one source has here. */
interface Account {
  bytes: number;
  readonly values: Set<StoredValue>;
  /** By key, the oldest first. */
  readonly perKey: Map<string, Set<StoredValue>>;
}

/** What happened at a key. */
export interface StorageObserver {
  /** New, or changed. */
  stored(key: Uint8Array, stored: StoredValue, now: number): void;
  /** Its life was extended. */
  refreshed(key: Uint8Array, stored: StoredValue, now: number): void;
  /** Its life is over, or its source used too much. */
  expired(key: Uint8Array, stored: StoredValue, now: number): void;
}

/**
 * Values kept for the network. Slots are (key, id): the first content stays until it expires, only a
 * signed value may be replaced by a later one of its owner. When full, the source that uses most loses
 * the value that would expire first.
 */
export class Storage {
  readonly #engine: Engine;
  readonly #observer: StorageObserver;
  readonly #bytesLimit: number;
  readonly #keys = new Map<string, Map<bigint, StoredValue>>();
  readonly #sources = new Map<string, Account>();
  #bytes = 0;
  /** Those that go next, the last one first. */
  #victims: StoredValue[] = [];

  /** `bytesLimit` bounds packed values and their overhead together. */
  constructor(
    engine: Engine,
    observer: StorageObserver,
    bytesLimit = STORAGE_BYTES_LIMIT,
  ) {
    this.#engine = engine;
    this.#observer = observer;
    this.#bytesLimit = bytesLimit;
  }

  /** Bytes in use, overhead included. */
  get bytesUsed(): number {
    return this.#bytes;
  }

  /** Whether anything is stored under a key. */
  hasKey(key: Uint8Array): boolean {
    return this.#keys.has(idText(key));
  }

  /** Values under a key. */
  values(key: Uint8Array, where: ValueFilter): StoredValue[] {
    const slots = this.#keys.get(idText(key));
    if (slots === undefined) return [];
    if (where.id !== undefined) {
      const stored = slots.get(where.id);
      return stored !== undefined && matchesFilter(stored.value, where) ? [stored] : [];
    }
    return [...slots.values()].filter((stored) => matchesFilter(stored.value, where));
  }

  /**
   * Stores a value that was admitted. `ageMs` is how long ago it was made, by its own word; a value
   * that is older than its life is not stored.
   */
  put(key: Uint8Array, value: DhtValue, ageMs: number, ip: string, now: number): void {
    const expiresAt = now + valueLifeMs(value.type) - ageMs;
    if (expiresAt <= now) return;
    const keyText = idText(key), packed = encodeValue(value).slice();
    const old = this.#keys.get(keyText)?.get(value.id), source = sourceKey(ip);
    if (old !== undefined) {
      if (sameBytes(old.packed, packed)) return this.#extend(key, old, expiresAt, now);
      if (!mayReplace(old.value, value)) return;
      this.#remove(old);
    } else if ((this.#keys.get(keyText)?.size ?? 0) >= VALUES_PER_KEY_LIMIT) return;
    const own = this.#sources.get(source)?.perKey.get(keyText);
    if (own !== undefined && own.size >= VALUES_PER_SOURCE_AND_KEY_LIMIT) {
      this.#drop(own.values().next().value!, now);
    }
    const stored: StoredValue = {
      keyText,
      key: key.slice(),
      value: decodeValue(packed),
      packed,
      source,
      expiresAt,
      timer: undefined,
    };
    this.#add(stored);
    this.#scheduleExpiry(stored);
    while (this.#bytes > this.#bytesLimit) this.#evict(now);
    if (this.#keys.get(keyText)?.get(value.id) === stored) this.#observer.stored(key, stored, now);
  }

  /** Extends a value's life; false when nothing at all is stored under the key. */
  refresh(key: Uint8Array, valueId: bigint, now: number): boolean {
    const slots = this.#keys.get(idText(key));
    if (slots === undefined) return false;
    const stored = slots.get(valueId);
    if (stored !== undefined) {
      this.#extend(key, stored, now + valueLifeMs(stored.value.type), now);
    }
    return true;
  }

  #extend(key: Uint8Array, stored: StoredValue, expiresAt: number, now: number): void {
    if (expiresAt <= stored.expiresAt) return;
    stored.expiresAt = expiresAt;
    this.#engine.timers.cancel(stored.timer);
    this.#scheduleExpiry(stored);
    this.#observer.refreshed(key, stored, now);
  }

  #scheduleExpiry(stored: StoredValue): void {
    stored.timer = this.#engine.timers.schedule(
      stored.expiresAt,
      (now) => this.#drop(stored, now),
    );
  }

  #evict(now: number): void {
    if (this.#victims.length === 0) this.#victims = this.#chooseVictims();
    const first = this.#victims.pop()!;
    const isThere = this.#keys.get(first.keyText)?.get(first.value.id) === first;
    if (isThere) this.#drop(first, now); // else it has gone by itself meanwhile
  }

  #drop(stored: StoredValue, now: number): void {
    this.#remove(stored);
    this.#observer.expired(stored.key, stored, now);
  }

  /** Values of the largest user that expire first: some at once, because looking for them takes long. */
  #chooseVictims(): StoredValue[] {
    let largest: Account | undefined;
    for (const source of this.#sources.values()) {
      if (largest === undefined || source.bytes > largest.bytes) largest = source;
    }
    const values = [...largest!.values].sort((a, b) => a.expiresAt - b.expiresAt);
    return values.slice(0, Math.ceil(values.length / EVICTED_PART)).reverse();
  }

  #add(stored: StoredValue): void {
    const { keyText, source, packed } = stored, size = packed.length + VALUE_OVERHEAD;
    let slots = this.#keys.get(keyText);
    if (slots === undefined) this.#keys.set(keyText, slots = new Map());
    slots.set(stored.value.id, stored);
    let account = this.#sources.get(source);
    if (account === undefined) {
      this.#sources.set(source, account = { bytes: 0, values: new Set(), perKey: new Map() });
    }
    account.bytes += size;
    account.values.add(stored);
    const own = account.perKey.get(keyText) ?? new Set();
    account.perKey.set(keyText, own.add(stored));
    this.#bytes += size;
  }

  #remove(stored: StoredValue): void {
    const { keyText, source, packed } = stored, size = packed.length + VALUE_OVERHEAD;
    this.#engine.timers.cancel(stored.timer);
    const slots = this.#keys.get(keyText)!;
    slots.delete(stored.value.id);
    if (slots.size === 0) this.#keys.delete(keyText);
    const account = this.#sources.get(source)!;
    account.bytes -= size;
    account.values.delete(stored);
    const own = account.perKey.get(keyText)!;
    own.delete(stored);
    if (own.size === 0) account.perKey.delete(keyText);
    if (account.values.size === 0) this.#sources.delete(source);
    this.#bytes -= size;
  }
}

/** A copy of the byte strings, so that a small value does not keep its whole datagram in memory. */
export function ownBytes(value: DhtValue): DhtValue {
  const { data, owner, recipient, signature, cypher } = value;
  return {
    ...value,
    data: data.slice(),
    ...(owner === undefined ? {} : { owner: owner.slice() }),
    ...(recipient === undefined ? {} : { recipient: recipient.slice() }),
    ...(signature === undefined ? {} : { signature: signature.slice() }),
    ...(cypher === undefined ? {} : { cypher: cypher.slice() }),
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
