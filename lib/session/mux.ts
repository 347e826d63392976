/**
 * The multiplexer: channels to frames and back. It fills records in this order: frames that open,
 * answer, grant and abort; then DATA and FIN of the channels in turn.
 */
import {
  ChannelCore,
  type ChannelHost,
  SEND_ACCEPT,
  SEND_DECLINE,
  SEND_OPEN,
} from "./channel_core.ts";
import { type ChannelRequest, requestFor } from "./channel_request.ts";
import { ChannelCode } from "./codes.ts";
import { writeChannelFrames } from "./channel_frames.ts";
import { DecryptedRecord } from "./decrypted_record.ts";
import { ChannelError, ProtocolViolation } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import * as frame from "./frame.ts";
import type { SessionLimits } from "./limits.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { EARLY_BYTES, EARLY_CHANNELS, MIN_WINDOW_BYTES, ReceiveBudget } from "./receive_budget.ts";
import { ReceiveSide } from "./receive_side.ts";
import { readU32 } from "./record.ts";
import { SendSide } from "./send_side.ts";

/** Room for all that one channel has to say at once, but DATA. */
const CONTROL_ROOM_BYTES = 3 * frame.MAX_CONTROL_FRAME_BYTES;
/** A record that has anything else in it does not end with a crumb of a longer write. */
const CRUMB_BYTES = 1 << 10;
/** A channel with no more than this to send goes before bulk data. */
const SPARSE_BYTES = 4 << 10;
/** Answers for channels that are over may pile up to this while the peer does not read them. */
const MAX_ANSWERS = 65_536;
const LAST_ID = 0xffff_fffe;

/** Whom the multiplexer tells. */
export interface MuxUser {
  /** The peer opens a channel. */
  onChannel(request: ChannelRequest): void;
  /** There is something to send. */
  onOutput(): void;
}

/** A FIN whose record has not been acknowledged. */
interface SentFin {
  readonly counter: number;
  readonly core: ChannelCore;
}

/** See the module comment. */
export class Mux implements ChannelHost {
  /** The latest time, milliseconds; the session keeps it. */
  now: number;
  /** Smoothed round trip, for window growth, milliseconds; the session keeps it. */
  roundTripMs: number;

  readonly #user: MuxUser;
  readonly #limits: SessionLimits;
  readonly #budget: ReceiveBudget;
  readonly #localParity: number;
  readonly #channels = new Map<number, ChannelCore>();
  readonly #control = new Fifo<ChannelCore>();
  readonly #ready = new ReadyQueue<ChannelCore>();
  readonly #fins = new Fifo<SentFin>();
  readonly #filling: ReceiveSide[] = [];
  #nextId: number;
  #lastRemoteId = -1;
  #local = 0;
  #remote = 0;
  #pending = 0;
  #answers = 0;
  #urgent = false;

  constructor(isInitiator: boolean, limits: SessionLimits, now: number, user: MuxUser) {
    this.#user = user;
    this.#limits = limits;
    this.#budget = new ReceiveBudget(limits.receiveMemory);
    this.#localParity = isInitiator ? 0 : 1;
    this.#nextId = this.#localParity;
    this.now = now;
    this.roundTripMs = 100;
  }

  /** Channels that are open or opening. */
  get channels(): number {
    return this.#channels.size;
  }

  /** Receive memory promised to the peer, bytes. */
  get reserved(): number {
    return this.#budget.reserved;
  }

  /** True when `fill` has something to write. */
  get hasOutput(): boolean {
    return this.#control.length > 0 || this.#ready.length > 0;
  }

  /** True while something that was written has not been sealed. */
  get hasUnsent(): boolean {
    if (this.hasOutput) return true;
    for (const core of this.#channels.values()) if (core.send.queued > 0) return true;
    return false;
  }

  /** Ends the sending direction of every channel after what was written. */
  closeWrites(): void {
    for (const core of this.#channels.values()) core.closeWrite();
  }

  /** Opens a channel. */
  open(name: string): ChannelCore {
    const bytes = new TextEncoder().encode(name).length;
    if (bytes > frame.MAX_NAME_BYTES) {
      const text = `channel name has ${bytes} bytes; at most ${frame.MAX_NAME_BYTES} are allowed`;
      throw new ChannelError(text, "bad-name");
    }
    if (this.#local >= this.#limits.channels || this.#nextId > LAST_ID) {
      throw new ChannelError(`${this.#local} channels are open already`, "too-many-channels");
    }
    const early = this.#channels.size < EARLY_CHANNELS ? EARLY_BYTES : MIN_WINDOW_BYTES;
    const core = this.#newCore(this.#nextId, name, true, early, 0);
    core.early = early;
    this.#nextId += 2;
    this.#local++;
    core.want(SEND_OPEN);
    return core;
  }

  /** Writes frames into `into`, up to `end`; bytes written. */
  fill(into: Uint8Array, end: number, counter: number): number {
    let at = 0;
    while (true) {
      const core = this.#control.peek();
      if (core === undefined) break;
      if (end - at < CONTROL_ROOM_BYTES) return at;
      this.#control.shift();
      core.isControlQueued = false;
      if (core.isOver) this.#answers--;
      at = writeChannelFrames(core, into, at, this.now, this.roundTripMs);
      if (core.hasData) this.#schedule(core);
    }
    return this.#fillData(into, at, end, counter);
  }

  /** Takes the frames of one record; true when the peer should hear of it at once. */
  deliver(plaintext: Uint8Array): boolean {
    this.#urgent = false;
    const record = new DecryptedRecord(plaintext);
    const isWhole = frame.readFrames(
      plaintext,
      (type, id, start, end) => this.#frame(type, id, record, start, end),
    );
    record.release();
    if (!isWhole) throw new ProtocolViolation("malformed frame");
    return this.#urgent;
  }

  /** No more records for now: reads that have some bytes need not wait for others. */
  settle(): void {
    for (const receive of this.#filling) receive.settle();
    this.#filling.length = 0;
  }

  /** Records below `next` have arrived. */
  acknowledged(next: number): void {
    while (true) {
      const fin = this.#fins.peek();
      if (fin === undefined || fin.counter >= next) return;
      this.#fins.shift();
      fin.core.finAcknowledged();
    }
  }

  /** The session is over. */
  end(error: ChannelError): void {
    for (const core of this.#channels.values()) core.end(error, false);
    while (this.#fins.length > 0) this.#fins.shift()!.core.end(error, false);
    this.#control.clear();
    this.#ready.clear();
  }

  wantControl(core: ChannelCore): void {
    if (core.isControlQueued) return;
    core.isControlQueued = true;
    this.#control.push(core);
    if (core.isOver) this.#answers++;
    this.#user.onOutput();
  }

  wantData(core: ChannelCore): void {
    if (!core.hasData || core.isQueued) return;
    this.#schedule(core);
    this.#user.onOutput();
  }

  retire(core: ChannelCore): void {
    this.#channels.delete(core.id);
    if (core.isControlQueued) this.#answers++;
    if (core.isLocal) this.#local--;
    else {
      this.#remote--;
      if (core.isPending) this.#pending--;
    }
  }

  #schedule(core: ChannelCore): void {
    this.#ready.add(core, core.send.queued <= SPARSE_BYTES);
  }

  #fillData(into: Uint8Array, start: number, end: number, counter: number): number {
    let at = start;
    while (end - at > frame.FRAME_HEADER_BYTES) {
      const core = this.#ready.peek();
      if (core === undefined) break;
      const room = end - at - frame.FRAME_HEADER_BYTES;
      const turn = this.#ready.length === 1 ? room : Math.min(room, core.deficit);
      const count = core.hasData ? Math.min(core.send.sendable, turn) : 0;
      if (count > 0) {
        if (count === room && count < CRUMB_BYTES && at > 0) break;
        frame.writeFrameHeader(into, at, frame.FRAME_DATA, count, core.id);
        at += frame.FRAME_HEADER_BYTES;
        core.send.take(into, at, count);
        at += count;
        core.deficit = Math.max(0, core.deficit - count);
      }
      if (core.hasData && core.send.wantsFin) {
        if (end - at < frame.FRAME_HEADER_BYTES) break;
        frame.writeFrameHeader(into, at, frame.FRAME_FIN, 0, core.id);
        at += frame.FRAME_HEADER_BYTES;
        this.#fins.push({ counter, core });
        core.finSent();
      }
      if (!core.hasData) this.#ready.drop();
    }
    return at;
  }

  #newCore(id: number, name: string, local: boolean, credit: number, early: number): ChannelCore {
    const { initialWindow, maxWindow } = this.#limits;
    const window = this.#budget.reserveWindow(Math.max(early, MIN_WINDOW_BYTES), initialWindow);
    const receive = new ReceiveSide(this.#budget, window, maxWindow, this.now);
    const core = new ChannelCore(this, id, name, local, new SendSide(credit), receive);
    this.#channels.set(id, core);
    return core;
  }

  #frame(type: number, id: number, record: DecryptedRecord, start: number, end: number): void {
    const { bytes } = record;
    if (type === frame.FRAME_OPEN) return this.#opened(id, bytes, start, end);
    const core = this.#channels.get(id);
    if (core === undefined) {
      const isLocal = id % 2 === this.#localParity;
      if (isLocal ? id < this.#nextId : id <= this.#lastRemoteId) return;
      throw new ProtocolViolation(`frame ${type} for channel ${id}, which was never opened`);
    }
    const length = end - start;
    switch (type) {
      case frame.FRAME_DATA:
        expectAccepted(core);
        return this.#received(core, record, start, end);
      case frame.FRAME_WINDOW:
        expectAccepted(core);
        return this.#granted(core, readExactU32(bytes, start, length));
      case frame.FRAME_FIN:
        expectAccepted(core);
        this.#urgent = true;
        return core.finReceived();
      case frame.FRAME_STOP:
        expectAccepted(core);
        return core.stopReceived();
      case frame.FRAME_RESET: {
        this.#urgent = true;
        const code = readExactU32(bytes, start, length);
        const text = `channel reset by the peer with code ${code}`;
        return core.end(new ChannelError(text, "reset", code), true);
      }
      case frame.FRAME_ACCEPT:
        return this.#accepted(core, readExactU32(bytes, start, length));
      case frame.FRAME_DECLINE: {
        if (!core.isLocal || !core.isPending) throw new ProtocolViolation("DECLINE unasked");
        if (length < 4) throw new ProtocolViolation("short DECLINE");
        const code = readU32(bytes, start);
        const reason = frame.decodeText(bytes.subarray(start + 4, end));
        const text = `the peer declined the channel: ${reason || `code ${code}`}`;
        return core.end(new ChannelError(text, "declined", code, reason), true);
      }
      default:
        throw new ProtocolViolation(`unknown frame type ${type}`);
    }
  }

  #received(core: ChannelCore, record: DecryptedRecord, start: number, end: number): void {
    const { receive } = core;
    const isListed = receive.isFilling;
    receive.deliver(record, start, end);
    if (receive.isFilling && !isListed) this.#filling.push(receive);
    // Bytes that went straight to a waiting reader are consumed already.
    core.wantGrant();
  }

  #opened(id: number, bytes: Uint8Array, start: number, end: number): void {
    const nameBytes = end - start - 8;
    if (id % 2 === this.#localParity || id <= this.#lastRemoteId) {
      throw new ProtocolViolation(`channel ${id} is not the peer's to open`);
    }
    if (nameBytes < 0 || nameBytes > frame.MAX_NAME_BYTES) {
      throw new ProtocolViolation("bad channel name");
    }
    const window = readU32(bytes, start);
    const early = readU32(bytes, start + 4);
    if (window > frame.MAX_WINDOW_BYTES || early > EARLY_BYTES) {
      throw new ProtocolViolation("bad channel window");
    }
    if (this.#answers > MAX_ANSWERS) throw new ProtocolViolation("peer does not read answers");
    this.#lastRemoteId = id;
    const name = frame.decodeText(bytes.subarray(start + 8, end));
    // Channels that are over, but for the peer's word that it has our FIN, are held for it, too.
    const isBusy = Math.max(this.#remote, this.#fins.length) >= this.#limits.channels ||
      this.#pending >= this.#limits.pendingChannels || !this.#budget.admits(early);
    const core = this.#newCore(id, name, false, window, early);
    this.#remote++;
    this.#pending++;
    if (isBusy) return core.abort(SEND_DECLINE, ChannelCode.busy, "too many channels");
    this.#user.onChannel(requestFor(core, () => {
      this.#pending--;
      core.accepted();
      core.want(SEND_ACCEPT);
    }));
  }

  #accepted(core: ChannelCore, window: number): void {
    if (!core.isLocal || !core.isPending) throw new ProtocolViolation("ACCEPT unasked");
    if (window < core.early) throw new ProtocolViolation("ACCEPT takes early data back");
    core.accepted();
    this.#granted(core, window - core.early);
  }

  #granted(core: ChannelCore, delta: number): void {
    if (core.send.credit + delta > frame.MAX_WINDOW_BYTES) {
      throw new ProtocolViolation("window overflow");
    }
    core.send.addCredit(delta);
    this.wantData(core);
  }
}

/** The acceptor speaks only after ACCEPT. */
function expectAccepted(core: ChannelCore): void {
  if (core.isLocal && core.isPending) throw new ProtocolViolation("frame before ACCEPT");
}

function readExactU32(bytes: Uint8Array, start: number, length: number): number {
  if (length !== 4) throw new ProtocolViolation("frame of the wrong length");
  return readU32(bytes, start);
}
