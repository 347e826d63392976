/**
 * Sealed data records between sealing and acknowledgement, laid out as they go to the pipe.
 *
 * ```
 *  segments:  [■■■■■■■■][■■■■■■■■][■■■     ]     ■ sealed, kept until acknowledged
 *                 ▲           ▲       ▲
 *            acknowledged  transmit  fill
 * ```
 *
 * Records are sealed straight into segments, so a run of them is one contiguous chunk for the pipe and
 * sending again after a path loss is moving one cursor back.
 */

const MIN_SEGMENT_BYTES = 4 << 10;
/** Two full records: what one write to the pipe carries at most. */
const MAX_SEGMENT_BYTES = 256 << 10;

/** A run of records in one buffer. */
interface Segment {
  readonly buffer: Uint8Array;
  /** Counter of the first record. */
  first: number;
  /** Bytes of `buffer` that hold records. */
  used: number;
  /** Where each record ends. */
  ends: number[];
  /** How many of the records are acknowledged. */
  acknowledged: number;
}

/** The retransmission store of one session. */
export class SealedRecords {
  #segments: Segment[] = [];
  #spares: Uint8Array[] = [];
  #nextSize = MIN_SEGMENT_BYTES;
  /** Index of the segment, and the offset in it, of the first byte not yet handed to the pipe. */
  #transmitSegment = 0;
  #transmitOffset = 0;
  #bytes = 0;
  #acknowledged = 0;
  #sealed = 0;
  #transmitted = 0;

  /** Sealed bytes that the peer has not acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counter of the next record to seal. */
  get sealed(): number {
    return this.#sealed;
  }

  /** Counter of the oldest record kept; everything below is acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Counter after the newest record that any pipe was given: no honest acknowledgement exceeds it. */
  get transmitted(): number {
    return this.#transmitted;
  }

  /** True when there is something that this pipe has not been given yet. */
  get hasUntransmitted(): boolean {
    const segment = this.#segments[this.#transmitSegment];
    return segment !== undefined &&
      (this.#transmitOffset < segment.used || this.#transmitSegment + 1 < this.#segments.length);
  }

  /** Length of what `chunk()` would give. */
  get chunkBytes(): number {
    const segment = this.#segments[this.#transmitSegment];
    if (segment === undefined) return 0;
    if (this.#transmitOffset < segment.used) return segment.used - this.#transmitOffset;
    return this.#segments[this.#transmitSegment + 1]?.used ?? 0;
  }

  /** Whether another record of `size` bytes would extend the chunk that `chunk()` is about to give. */
  fits(size: number): boolean {
    const last = this.#segments.at(-1);
    return last !== undefined && last.used + size <= last.buffer.length;
  }

  /** A buffer with `size` bytes of room from the returned offset on; follow with `commit`. */
  reserve(size: number): { buffer: Uint8Array; used: number } {
    if (!this.fits(size)) this.#segments.push(this.#newSegment(size));
    return this.#segments.at(-1)!;
  }

  /** The record was written where `reserve` said. */
  commit(size: number): void {
    const last = this.#segments.at(-1)!;
    last.used += size;
    last.ends.push(last.used);
    this.#bytes += size;
    this.#sealed++;
  }

  /** The next contiguous run of records for the pipe; marks it as transmitted. */
  chunk(): Uint8Array | undefined {
    let segment = this.#segments[this.#transmitSegment];
    if (segment === undefined) return undefined;
    if (this.#transmitOffset === segment.used) {
      const next = this.#segments[this.#transmitSegment + 1];
      if (next === undefined) return undefined;
      this.#transmitSegment++;
      this.#transmitOffset = 0;
      segment = next;
    }
    const chunk = segment.buffer.subarray(this.#transmitOffset, segment.used);
    this.#transmitOffset = segment.used;
    this.#transmitted = Math.max(this.#transmitted, segment.first + segment.ends.length);
    return chunk;
  }

  /** Drops records below `next`, which must not exceed `transmitted`. */
  acknowledge(next: number): void {
    while (this.#acknowledged < next) {
      const segment = this.#segments[0]!;
      const open = segment.ends.length - segment.acknowledged;
      const count = Math.min(open, next - this.#acknowledged);
      const from = endOf(segment, segment.acknowledged);
      segment.acknowledged += count;
      this.#acknowledged += count;
      this.#bytes -= endOf(segment, segment.acknowledged) - from;
      if (segment.acknowledged === segment.ends.length) this.#release();
    }
  }

  /** A new pipe: everything unacknowledged is to be transmitted again. */
  rewind(): void {
    this.#transmitSegment = 0;
    const first = this.#segments[0];
    this.#transmitOffset = first === undefined ? 0 : endOf(first, first.acknowledged);
  }

  /** Gives spare memory back; for quiet moments. */
  trim(): void {
    if (this.#spares.length > 0) this.#spares = [];
    if (this.#bytes > 0 || this.#segments.length === 0) return;
    this.#segments = [];
    this.#nextSize = MIN_SEGMENT_BYTES;
    this.#transmitSegment = 0;
    this.#transmitOffset = 0;
  }

  /** The first segment is acknowledged whole: reuse it in place when it is the only one. */
  #release(): void {
    const segment = this.#segments[0]!;
    if (this.#segments.length === 1) {
      segment.first = this.#sealed;
      segment.used = 0;
      segment.ends = [];
      segment.acknowledged = 0;
      this.#transmitOffset = 0;
      return;
    }
    this.#segments.shift();
    if (this.#transmitSegment > 0) this.#transmitSegment--;
    else this.#transmitOffset = 0;
    if (segment.buffer.length === MAX_SEGMENT_BYTES) this.#spares.push(segment.buffer);
  }

  #newSegment(size: number): Segment {
    const buffer = this.#spares.pop() ?? new Uint8Array(Math.max(size, this.#nextSize));
    // Small sessions stay small: only sustained traffic reaches the full size.
    this.#nextSize = Math.min(this.#nextSize * 4, MAX_SEGMENT_BYTES);
    return { buffer, first: this.#sealed, used: 0, ends: [], acknowledged: 0 };
  }
}

function endOf(segment: Segment, records: number): number {
  return records === 0 ? 0 : segment.ends[records - 1]!;
}
