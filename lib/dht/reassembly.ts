import type { Engine } from "./engine.ts";
import { DhtDecodeError } from "./decode_error.ts";
import type { FragmentPart, ValueElement } from "./packet.ts";
import type { Timer } from "./timer_queue.ts";
import { decodeValue, type DhtValue, PACKED_VALUE_LIMIT } from "./value.ts";

/** Without a new fragment for 3 s a packet's missing values are given up. */
export const FRAGMENT_GAP_MS = 3_000;
/** All fragments of a packet must come within 10 s. */
export const FRAGMENT_TOTAL_MS = 10_000;
/** Fragments ahead of their packet, bytes kept for one packet and in all. */
const EARLY_BYTES_LIMIT = 128 << 10;
const EARLY_BYTES_TOTAL_LIMIT = 2 << 20;
/** Values that one packet, one source's packets and all packets may announce until they are there. */
const ANNOUNCED_PER_PACKET = 1024;
const ANNOUNCED_PER_SOURCE = 4096;
const ANNOUNCED_LIMIT = 65_536;
/**
 * Ranges of one value that there may be with gaps between: pieces of 1280 bytes of the longest value make
 * half as many, in whatever order. Each is looked at for every piece that comes.
 */
const SPANS_PER_VALUE = 64;
/** Values under reassembly, bytes in all. */
const ASSEMBLY_BYTES_LIMIT = 16 << 20;

interface Piece {
  readonly bytes: Uint8Array;
  /** Ranges received, disjoint and ascending. */
  spans: [number, number][];
}

interface Assembly {
  readonly source: string;
  /** Values that were announced. */
  readonly announced: number;
  readonly values: DhtValue[];
  readonly sizes: Map<number, number>;
  readonly pieces: Map<number, Piece>;
  readonly done: (values: DhtValue[], now: number) => void;
  readonly deadline: number;
  allocated: number;
  timer: Timer;
}

interface Early {
  readonly parts: FragmentPart[];
  bytes: number;
}

/**
 * Puts values together from fragments in any order, also from fragments that overtook their packet.
 * Everything is keyed by (address, tid), so peers cannot meddle with each other.
 */
export class Reassembly {
  readonly #engine: Engine;
  readonly #assemblies = new Map<string, Assembly>();
  readonly #early = new Map<string, Early>();
  #earlyBytes = 0;
  #assemblyBytes = 0;
  readonly #announcedBy = new Map<string, number>();
  #announced = 0;

  /** Timers come from the engine. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Takes the `values` of a packet. Calls `done` at once when nothing is missing, else when the last
   * fragment is there or time is up, then with the values that are complete. Announced values beyond
   * `limit` bytes, or beyond what one packet, its source or all may announce, are not collected.
   */
  expect(
    from: string,
    tid: number,
    elements: readonly ValueElement[],
    limit: number,
    now: number,
    done: (values: DhtValue[], now: number) => void,
  ): void {
    const key = `${from}/${tid}`, values: DhtValue[] = [], sizes = new Map<number, number>();
    let announced = 0;
    for (const [index, element] of elements.entries()) {
      if (typeof element !== "number") {
        if (element !== undefined && "id" in element) values.push(element);
      } else if (sizes.size === ANNOUNCED_PER_PACKET) break;
      else if (element > 0 && element <= PACKED_VALUE_LIMIT && announced + element <= limit) {
        sizes.set(index, element);
        announced += element;
      }
    }
    const source = from.slice(0, from.lastIndexOf(":"));
    if (sizes.size === 0 || !this.#hasRoom(source, sizes.size)) return done(values, now);
    if (this.#assemblies.has(key)) return;
    this.#count(source, sizes.size);
    const deadline = now + FRAGMENT_TOTAL_MS;
    const timer = this.#gapTimer(key, now, deadline);
    const pieces = new Map<number, Piece>();
    this.#assemblies.set(key, {
      source,
      announced: sizes.size,
      values,
      sizes,
      pieces,
      done,
      deadline,
      allocated: 0,
      timer,
    });
    const early = this.#takeEarly(key);
    if (early !== undefined) this.add(from, tid, early.parts, now);
  }

  /** Whether fragments of this packet are awaited. */
  isExpected(from: string, tid: number): boolean {
    return this.#assemblies.has(`${from}/${tid}`);
  }

  /** Takes fragments. */
  add(from: string, tid: number, parts: readonly FragmentPart[], now: number): void {
    const key = `${from}/${tid}`, assembly = this.#assemblies.get(key);
    if (assembly === undefined) return this.#keepEarly(key, parts, now);
    let isPlaced = false;
    for (const part of parts) if (this.#place(assembly, part)) isPlaced = true;
    // Nothing is kept waiting by what it does not wait for.
    if (isPlaced) {
      this.#engine.timers.cancel(assembly.timer);
      assembly.timer = this.#gapTimer(key, now, assembly.deadline);
    }
    if (assembly.sizes.size === 0) this.#finish(key, now);
  }

  #hasRoom(source: string, count: number): boolean {
    return this.#announced + count <= ANNOUNCED_LIMIT &&
      (this.#announcedBy.get(source) ?? 0) + count <= ANNOUNCED_PER_SOURCE;
  }

  #count(source: string, change: number): void {
    const own = (this.#announcedBy.get(source) ?? 0) + change;
    if (own > 0) this.#announcedBy.set(source, own);
    else this.#announcedBy.delete(source);
    this.#announced += change;
  }

  /** Whether it was a part of something that is awaited. */
  #place(assembly: Assembly, { index, offset, bytes }: FragmentPart): boolean {
    const size = assembly.sizes.get(index);
    if (size === undefined || bytes.length === 0 || offset + bytes.length > size) return false;
    let piece = assembly.pieces.get(index);
    if (piece === undefined) {
      if (this.#assemblyBytes + size > ASSEMBLY_BYTES_LIMIT) return false;
      piece = { bytes: new Uint8Array(size), spans: [] };
      this.#assemblyBytes += size;
      assembly.allocated += size;
      assembly.pieces.set(index, piece);
    }
    const spans = mergeSpan(piece.spans, offset, offset + bytes.length);
    if (spans.length > SPANS_PER_VALUE) return false;
    piece.bytes.set(bytes, offset);
    piece.spans = spans;
    if (piece.spans.length > 1 || piece.spans[0]![1] - piece.spans[0]![0] < size) return true;
    assembly.sizes.delete(index);
    assembly.pieces.delete(index);
    try {
      assembly.values.push(decodeValue(piece.bytes));
    } catch (error) {
      if (!(error instanceof DhtDecodeError)) throw error;
      this.#engine.counters.malformed++;
    }
    return true;
  }

  #finish(key: string, now: number): void {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) return;
    this.#assemblies.delete(key);
    this.#assemblyBytes -= assembly.allocated;
    this.#count(assembly.source, -assembly.announced);
    this.#engine.timers.cancel(assembly.timer);
    assembly.done(assembly.values, now);
  }

  #gapTimer(key: string, now: number, deadline: number): Timer {
    const at = Math.min(now + FRAGMENT_GAP_MS, deadline);
    return this.#engine.timers.schedule(at, (later) => this.#finish(key, later));
  }

  #keepEarly(key: string, parts: readonly FragmentPart[], now: number): void {
    const bytes = parts.reduce((sum, part) => sum + part.bytes.length + 64, 0);
    let early = this.#early.get(key);
    if (this.#earlyBytes + bytes > EARLY_BYTES_TOTAL_LIMIT) return;
    if (early === undefined) {
      early = { parts: [], bytes: 0 };
      this.#early.set(key, early);
      this.#engine.timers.schedule(now + FRAGMENT_GAP_MS, () => this.#takeEarly(key));
    }
    if (early.bytes + bytes > EARLY_BYTES_LIMIT) return;
    early.parts.push(...parts.map((part) => ({ ...part, bytes: part.bytes.slice() })));
    early.bytes += bytes;
    this.#earlyBytes += bytes;
  }

  #takeEarly(key: string): Early | undefined {
    const early = this.#early.get(key);
    if (early === undefined) return undefined;
    this.#early.delete(key);
    this.#earlyBytes -= early.bytes;
    return early;
  }
}

/** Adds [start, end) to disjoint ascending ranges. */
function mergeSpan(spans: [number, number][], start: number, end: number): [number, number][] {
  const merged: [number, number][] = [];
  for (const span of spans) {
    if (span[1] < start || span[0] > end) merged.push(span);
    else {
      start = Math.min(start, span[0]);
      end = Math.max(end, span[1]);
    }
  }
  merged.push([start, end]);
  return merged.sort((a, b) => a[0] - b[0]);
}
