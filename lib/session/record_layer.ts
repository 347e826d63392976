/**
 * Records over a succession of pipes.
 *
 * ```
 *              attach()                    peer's ATTACH
 *  ┌──────────┐ ──────────▶ ┌───────────┐ ───────────────▶ ┌──────────┐
 *  │ detached │             │ attaching │                  │ attached │
 *  └──────────┘ ◀────────── └───────────┘ ◀─── attach() ── └──────────┘
 *        ▲        detach(), broken pipe                          │
 *        └───────────────────────────────────────────────────────┘
 * ```
 *
 * While attaching, unacknowledged records wait for the peer's cursor. When there are none (the first
 * pipe, or a quiet session) new data follows in the same flight as ATTACH. Because records are sent again
 * exactly from the receiver's cursor, an honest peer never repeats or skips a counter: any other counter
 * than the expected one is a broken pipe, and nothing unauthenticated is ever tolerated.
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { ProtocolViolation } from "./errors.ts";
import { RecordReader } from "./record_reader.ts";
import { RecordKeys, type SessionKeys } from "./record_keys.ts";
import {
  CONTROL_ACK,
  CONTROL_ATTACH,
  MAX_CONTROL_BYTES,
  MAX_PLAINTEXT_BYTES,
  readU64,
  RECORD_CONTROL,
  RECORD_DATA,
  RECORD_HEADER_BYTES,
  RECORD_OVERHEAD_BYTES,
  writeRecordHeader,
} from "./record.ts";
import { RecordSize } from "./record_size.ts";
import { SealedRecords } from "./sealed_records.ts";
import { SIZED_AEAD } from "./sized_aead.ts";

/** Received bytes after which an acknowledgement goes out at once. */
const ACK_BYTES = 1 << 20;
/** An acknowledgement waits this long for a data record to ride on. */
const ACK_DELAY_MS = 40;
/** A chunk of data up to this size is joined with waiting control records into one write. */
const JOIN_BYTES = 8 << 10;
/** Control counters do not rekey, so they end early; 2^32 acknowledgements cover a petabyte. */
const MAX_CONTROL_COUNTER = 2 ** 32;

const NO_BODY = new Uint8Array(0);
/** Where records are put together; sealing is synchronous, so all sessions share it. */
const PLAINTEXT = new Uint8Array(MAX_PLAINTEXT_BYTES);

/** What the record layer carries, and whom it tells. */
export interface RecordUser {
  /** Writes frames into `into` from 0 to at most `end`; bytes written. `counter` is the record's. */
  fill(into: Uint8Array, end: number, counter: number): number;
  /** Takes the frames of one record; true when the peer should hear of it at once. */
  deliver(plaintext: Uint8Array): boolean;
  /** Takes a control message other than ATTACH and ACK. */
  control(kind: number, body: Uint8Array): void;
  /** Everything below `next` has arrived. */
  acknowledged(next: number): void;
}

/** One side's record layer; see the module comment. */
export class RecordLayer {
  readonly #user: RecordUser;
  readonly #sendKeys: RecordKeys;
  readonly #receiveKeys: RecordKeys;
  readonly #sendBuffer: number;
  readonly #sealed = new SealedRecords();
  readonly #size = new RecordSize();
  readonly #reader = new RecordReader();
  readonly #onRecord = (record: Uint8Array): boolean => this.#record(record);

  #phase: "detached" | "attaching" | "attached" = "detached";
  #sendControlCounter = 0;
  #receiveControlCounter = -1;
  #expected = 0;
  #told = 0;
  #unacknowledgedBytes = 0;
  #acknowledgeAt: number | undefined;
  #acknowledgeNow = false;
  #control = NO_BODY;
  #controlUsed = 0;
  #now = 0;

  constructor(keys: SessionKeys, sendBuffer: number, user: RecordUser) {
    this.#user = user;
    this.#sendKeys = new RecordKeys(keys.send, keys.handshakeHash);
    this.#receiveKeys = new RecordKeys(keys.receive, keys.handshakeHash);
    this.#sendBuffer = sendBuffer;
  }

  /** False between pipes. */
  get hasPipe(): boolean {
    return this.#phase !== "detached";
  }

  /** True once the peer has been heard on this pipe. */
  get isAttached(): boolean {
    return this.#phase === "attached";
  }

  /** Sealed bytes that wait for acknowledgement. */
  get unacknowledgedBytes(): number {
    return this.#sealed.bytes;
  }

  /** Data records so far, in both directions. */
  get dataRecords(): number {
    return this.#sealed.sealed + this.#expected;
  }

  /** True when a transmission could carry control, resent or new records, if there is anything new. */
  get canSeal(): boolean {
    return this.#mayTransmitData && this.#sealed.bytes < this.#sendBuffer;
  }

  /** True when something already waits for the pipe. */
  get hasOutput(): boolean {
    if (!this.hasPipe) return false;
    return this.#controlUsed > 0 || this.#acknowledgeNow ||
      (this.#mayTransmitData && this.#sealed.hasUntransmitted);
  }

  get #mayTransmitData(): boolean {
    return this.#phase === "attached" || (this.#phase === "attaching" && this.#resumesAtEnd);
  }

  /** No unacknowledged record from before this pipe: the peer's cursor is known without its ATTACH. */
  #resumesAtEnd = false;

  /** A new pipe begins. */
  attach(): void {
    this.#reader.reset();
    this.#phase = "attaching";
    this.#resumesAtEnd = this.#sealed.bytes === 0;
    this.#sealed.rewind();
    this.#controlUsed = 0;
    this.sendControl(CONTROL_ATTACH, NO_BODY);
  }

  /** The pipe is gone. Control records die with it; data records stay. */
  detach(): void {
    this.#phase = "detached";
    this.#reader.reset();
    this.#controlUsed = 0;
    this.#acknowledgeNow = false;
    this.#acknowledgeAt = undefined;
  }

  /** Gives spare memory back. */
  trim(): void {
    this.#sealed.trim();
    this.#reader.trim();
  }

  /** Bytes from the pipe. False: the pipe is broken and has been detached; the state is unchanged. */
  receive(bytes: Uint8Array, now: number): boolean {
    if (this.#phase === "detached") return false;
    this.#now = now;
    if (this.#reader.read(bytes, this.#onRecord)) return true;
    // A close in the middle of the bytes detaches as well, and is no fault of the pipe.
    const broken = this.hasPipe;
    if (broken) this.detach();
    return !broken;
  }

  /** When `handleTimeout` wants to be called. */
  pollTimeout(): number | undefined {
    return this.#acknowledgeAt;
  }

  /** A delayed acknowledgement may be due. */
  handleTimeout(now: number): void {
    if (this.#acknowledgeAt !== undefined && now >= this.#acknowledgeAt) {
      this.#acknowledgeNow = true;
    }
  }

  /** Seals one control message for the attached pipe. */
  sendControl(kind: number, body: Uint8Array): void {
    if (this.#sendControlCounter >= MAX_CONTROL_COUNTER) {
      throw new ProtocolViolation("control counter exhausted");
    }
    const plaintext = new Uint8Array(1 + Math.min(body.length, MAX_CONTROL_BYTES - 1));
    plaintext[0] = kind;
    plaintext.set(body.subarray(0, MAX_CONTROL_BYTES - 1), 1);
    const start = this.#controlUsed;
    const size = plaintext.length + RECORD_OVERHEAD_BYTES;
    if (start + size > this.#control.length) {
      const grown = new Uint8Array(2 * (start + size));
      grown.set(this.#control.subarray(0, start));
      this.#control = grown;
    }
    const counter = this.#sendControlCounter++;
    const buffer = this.#control;
    writeRecordHeader(buffer, start, RECORD_CONTROL, plaintext.length, counter, this.#expected);
    const header = buffer.subarray(start, start + RECORD_HEADER_BYTES);
    const at = start + RECORD_HEADER_BYTES;
    SIZED_AEAD.seal(this.#sendKeys.control, counter, header, plaintext, buffer, at);
    this.#controlUsed = start + size;
    this.#toldPeer();
  }

  /** The next bytes for the pipe, valid until the next call. */
  pollTransmit(): Uint8Array | undefined {
    if (this.#phase === "detached") return undefined;
    const data = this.#mayTransmitData;
    if (data && !this.#sealed.hasUntransmitted) this.#seal();
    if (this.#acknowledgeNow && this.#told < this.#expected) this.sendControl(CONTROL_ACK, NO_BODY);
    this.#acknowledgeNow = false;
    if (this.#controlUsed === 0) return data ? this.#sealed.chunk() : undefined;
    const control = this.#control.subarray(0, this.#controlUsed);
    // The caller still writes from this buffer when the next control record is sealed.
    this.#control = NO_BODY;
    this.#controlUsed = 0;
    const join = data && this.#sealed.chunkBytes <= JOIN_BYTES ? this.#sealed.chunk() : undefined;
    return join === undefined ? control : concatBytes(control, join);
  }

  /** Seals what the user has, into one contiguous chunk. */
  #seal(): void {
    while (this.#sealed.bytes < this.#sendBuffer) {
      const counter = this.#sealed.sealed;
      const length = this.#user.fill(PLAINTEXT, this.#size.limit, counter);
      if (length === 0) return;
      const size = length + RECORD_OVERHEAD_BYTES;
      const { buffer, used } = this.#sealed.reserve(size);
      writeRecordHeader(buffer, used, RECORD_DATA, length, counter, this.#expected);
      const header = buffer.subarray(used, used + RECORD_HEADER_BYTES);
      const plaintext = PLAINTEXT.subarray(0, length);
      const key = this.#sendKeys.data(counter);
      SIZED_AEAD.seal(key, counter, header, plaintext, buffer, used + RECORD_HEADER_BYTES);
      this.#sealed.commit(size);
      this.#toldPeer();
      if (!this.#sealed.fits(this.#size.limit + RECORD_OVERHEAD_BYTES)) return;
    }
  }

  /** A record with the current `next` is on its way. */
  #toldPeer(): void {
    this.#told = this.#expected;
    this.#unacknowledgedBytes = 0;
    this.#acknowledgeAt = undefined;
    this.#acknowledgeNow = false;
  }

  /** One whole record; false when the pipe is broken, before anything has changed. */
  #record(record: Uint8Array): boolean {
    const isData = record[0] === RECORD_DATA;
    if (isData && this.#phase !== "attached") return false;
    const counter = readU64(record, 4);
    const expected = isData
      ? counter === this.#expected
      : counter > this.#receiveControlCounter && counter < MAX_CONTROL_COUNTER;
    if (!expected) return false;
    const key = isData ? this.#receiveKeys.data(counter) : this.#receiveKeys.control;
    const header = record.subarray(0, RECORD_HEADER_BYTES);
    const sealed = record.subarray(RECORD_HEADER_BYTES);
    const plaintext = SIZED_AEAD.open(key, counter, header, sealed);
    if (plaintext === undefined) return false;
    const next = readU64(record, 12);
    if (!isData) return this.#controlRecord(counter, next, plaintext);
    this.#acknowledge(next);
    this.#expected = counter + 1;
    this.#unacknowledgedBytes += record.length;
    this.#acknowledgeAt ??= this.#now + ACK_DELAY_MS;
    const atOnce = this.#user.deliver(plaintext);
    if (atOnce || this.#unacknowledgedBytes >= ACK_BYTES) this.#acknowledgeNow = true;
    return this.#phase === "attached";
  }

  #controlRecord(counter: number, next: number, plaintext: Uint8Array): boolean {
    const kind = plaintext[0]!;
    const isAttach = kind === CONTROL_ATTACH;
    // A pipe begins with ATTACH and has no second one; anything else was made for another pipe.
    if (isAttach !== (this.#phase === "attaching")) return false;
    if (isAttach && next < this.#sealed.acknowledged) {
      throw new ProtocolViolation("peer resumes at a record that it has acknowledged");
    }
    this.#receiveControlCounter = counter;
    this.#acknowledge(next);
    if (isAttach) {
      this.#phase = "attached";
      // Otherwise records of this pipe are on their way already, and none before them is missing.
      if (!this.#resumesAtEnd) this.#sealed.rewind();
    } else if (kind !== CONTROL_ACK) {
      this.#user.control(kind, plaintext.subarray(1));
    }
    return this.hasPipe;
  }

  #acknowledge(next: number): void {
    // Records that were sealed earlier and sent again carry older values; those say nothing new.
    if (next <= this.#sealed.acknowledged) return;
    if (!(next <= this.#sealed.transmitted)) {
      throw new ProtocolViolation("peer acknowledges what was never sent");
    }
    const before = this.#sealed.bytes;
    this.#sealed.acknowledge(next);
    this.#size.acknowledged(before - this.#sealed.bytes, this.#now);
    this.#user.acknowledged(next);
  }
}
