/**
 * A session: channels over protected records over one pipe after another. No I/O and no clock; a driver
 * moves bytes between `receive`/`pollTransmit` and the pipe, and calls `handleTimeout`.
 *
 * ```
 *             attach()                    close(code ≥ 1), violation, linger over
 *  ┌──────────┐ ───▶ ┌──────────┐ ───────────────────────────────────────▶ ┌──────────┐
 *  │ detached │      │ attached │ ─close(0)─▶ ┌──────────┐ ─all acknowledged▶ │ aborting │
 *  └──────────┘ ◀─── └──────────┘             │ draining │                  └──────────┘
 *     │  detach(), broken pipe, silence       └──────────┘            CLOSE sent │
 *     │                                                                        ▼
 *     └── resumeMs without a pipe, or CLOSE received in any state ──▶ ┌────────┐
 *                                                                     │ closed │
 *                                                                     └────────┘
 * ```
 * @module
 */
import { Channel } from "./channel.ts";
import { checkCode, type SessionClose, SessionCode } from "./codes.ts";
import { ProtocolViolation, sessionClosed } from "./errors.ts";
import { decodeText, encodeReason } from "./frame.ts";
import { resolveLimits, type SessionLimits } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import { Mux } from "./mux.ts";
import {
  CONTROL_CLOSE,
  CONTROL_PING,
  CONTROL_PONG,
  PING_BYTES,
  readU32,
  readU64,
  writeU32,
  writeU64,
} from "./record.ts";
import { RecordLayer } from "./record_layer.ts";
import type { PathLoss, SessionOptions, SessionStats } from "./session_options.ts";

/**
 * One end of a session; see the module comment.
 *
 * @example Two sessions in one process, joined by hand
 * ```ts
 * import { Session, type SessionKeys } from "@dhtnet/dhtnet/session";
 *
 * const [a, b, hash] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n)) as [
 *   Uint8Array, Uint8Array, Uint8Array,
 * ];
 * const session = (initiator: boolean, keys: SessionKeys) =>
 *   new Session({
 *     initiator, keys, now: 0,
 *     onChannel: (request) => void request.accept().write(new TextEncoder().encode("hi")),
 *     onTransmit: () => {},
 *     onClose: () => {},
 *   });
 * const dialler = session(true, { send: a, receive: b, handshakeHash: hash });
 * const listener = session(false, { send: b, receive: a, handshakeHash: hash });
 * dialler.attach(0);
 * listener.attach(0);
 * const channel = dialler.open("greeting");
 * for (let turn = 0; turn < 4; turn++) {
 *   for (let out; (out = dialler.pollTransmit(0)); ) listener.receive(out, 0);
 *   for (let out; (out = listener.pollTransmit(0)); ) dialler.receive(out, 0);
 * }
 * const buffer = new Uint8Array(16);
 * console.assert(await channel.read(buffer) === 2);
 * ```
 */
export class Session {
  /** Without the keys: those that the record layer derives from them are one-way, see RecordKeys. */
  readonly #options: Omit<SessionOptions, "keys">;
  readonly #limits: SessionLimits;
  readonly #records: RecordLayer;
  readonly #mux: Mux;
  readonly #liveness: Liveness;
  #phase: "running" | "draining" | "aborting" | "closed" = "running";
  #close: SessionClose = { code: SessionCode.normal, reason: "", remote: false };
  #isCloseSent = false;
  #drainUntil = Infinity;
  #resumeUntil: number;
  #pong: Uint8Array | undefined;
  #isNotified = false;
  #isBusy = false;
  #now: number;
  #bytesSent = 0;
  #bytesReceived = 0;
  #pipes = 0;
  #recordsAtPing = 0;

  /** A detached session: `attach` is next. */
  constructor({ keys, ...options }: SessionOptions) {
    const limits = resolveLimits(options.limits);
    this.#options = options;
    this.#limits = limits;
    this.#now = options.now;
    this.#resumeUntil = options.now + limits.resumeMs;
    this.#liveness = new Liveness(limits);
    this.#mux = new Mux(options.initiator, limits, options.now, {
      onChannel: (request) => options.onChannel(request),
      onOutput: () => this.#notify(),
    });
    this.#records = new RecordLayer(keys, limits.sendBuffer, {
      fill: (into, end, counter) => this.#mux.fill(into, end, counter),
      deliver: (plaintext) => this.#mux.deliver(plaintext),
      control: (kind, body) => this.#control(kind, body),
      acknowledged: (next) => this.#mux.acknowledged(next),
    });
  }

  /** True while a pipe is attached. */
  get hasPipe(): boolean {
    return this.#records.hasPipe;
  }

  /** True once the session is over. */
  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  /** Counters, as of now. */
  get stats(): SessionStats {
    return {
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      unacknowledgedBytes: this.#records.unacknowledgedBytes,
      reservedBytes: this.#mux.reserved,
      roundTripMs: this.#liveness.roundTripMs,
      channels: this.#mux.channels,
      pipes: this.#pipes,
    };
  }

  /**
   * A new pipe begins, in both directions at its first byte; an attached one is dropped. What the peer has
   * not received is sent again. From now on, `receive` takes bytes of the new pipe only.
   */
  attach(now: number): void {
    if (this.#phase === "closed") return;
    this.#tick(now);
    this.#pipes++;
    this.#pong = undefined;
    this.#liveness.start(now);
    this.#records.attach();
    this.#notify();
  }

  /** The pipe is gone. The session waits `resumeMs` for another one. */
  detach(now: number): void {
    if (this.#phase === "closed" || !this.hasPipe) return;
    this.#tick(now);
    this.#records.detach();
    this.#detached();
  }

  /**
   * Bytes from the pipe, split in any way; what is needed later is copied. False: the pipe is of no more
   * use (broken, detached, or the session is over) and is to be dropped.
   */
  receive(bytes: Uint8Array, now: number): boolean {
    if (this.#phase === "closed" || !this.hasPipe) return false;
    if (this.#phase === "aborting") return true;
    this.#tick(now);
    this.#bytesReceived += bytes.length;
    this.#liveness.heard(now);
    this.#isBusy = true;
    let isGood = true;
    try {
      isGood = this.#records.receive(bytes, now);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.#abort(SessionCode.protocolError, error.message);
    } finally {
      this.#mux.settle();
      this.#isBusy = false;
    }
    if (!isGood) this.#lost("broken");
    if (this.isClosed || !this.hasPipe) return false;
    this.#expectAnswer(now);
    this.#notify();
    return true;
  }

  /** The next bytes to write to the pipe, at most 256 KiB, valid until the next call. */
  pollTransmit(now: number): Uint8Array | undefined {
    this.#tick(now);
    this.#isBusy = true;
    let chunk: Uint8Array | undefined;
    try {
      chunk = this.#transmit(now);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.#finish({ code: SessionCode.protocolError, reason: error.message, remote: false });
    } finally {
      this.#isBusy = false;
    }
    if (chunk === undefined) this.#isNotified = false;
    else {
      this.#bytesSent += chunk.length;
      this.#expectAnswer(now);
    }
    return chunk;
  }

  /**
   * A datagram, which nobody acknowledges, has gone beside this session: asks whether the peer is there.
   * True when `pollTimeout` is earlier now.
   */
  sentBeside(now: number): boolean {
    return this.hasPipe && this.#liveness.unacknowledged(now);
  }

  /** When `handleTimeout` wants to be called, milliseconds; it may move with every other call. */
  pollTimeout(): number | undefined {
    if (this.#phase === "closed") return undefined;
    const time = this.hasPipe
      ? Math.min(this.#liveness.pollTimeout(), this.#records.pollTimeout() ?? Infinity)
      : this.#resumeUntil;
    return Math.min(time, this.#drainUntil);
  }

  /** Does what is due. */
  handleTimeout(now: number): void {
    if (this.#phase === "closed") return;
    this.#tick(now);
    if (now >= this.#drainUntil) {
      // Draining took too long: say CLOSE. Saying CLOSE took too long: leave.
      if (this.#phase === "aborting") return this.#finish(this.#close);
      this.#abort(this.#close.code, this.#close.reason);
    }
    if (!this.hasPipe) {
      if (now < this.#resumeUntil) return;
      const seconds = this.#limits.resumeMs / 1000;
      const reason = `no new path within ${seconds} s`;
      return this.#finish({ code: SessionCode.resumeTimeout, reason, remote: false });
    }
    if (this.#liveness.isLost(now)) return this.#lost("silent");
    this.#records.handleTimeout(now);
    if (this.#liveness.isPingDue(now)) this.#records.trim();
    this.#notify();
  }

  /**
   * Opens a channel. Writing may start at once: the first bytes travel with the request.
   * Throws {@link ChannelError} `session-closed`, `too-many-channels` or `bad-name`.
   */
  open(name: string): Channel {
    if (this.#phase !== "running") throw sessionClosed(this.#close);
    return new Channel(this.#mux.open(name));
  }

  /**
   * Ends the session. With code 0, every channel is half-closed, and what was written is delivered first
   * (at most `lingerMs`); with another code (the application's start at 256) at once.
   * Throws RangeError when the code has more than 32 bits.
   */
  close(code: number = SessionCode.normal, reason = ""): void {
    checkCode(code);
    if (this.#phase === "closed" || this.#phase === "aborting") return;
    if (code !== SessionCode.normal || !this.hasPipe) return this.#abort(code, reason);
    if (this.#phase === "draining") return;
    this.#phase = "draining";
    this.#close = { code, reason, remote: false };
    this.#drainUntil = this.#now + this.#limits.lingerMs;
    this.#mux.closeWrites();
    this.#notify(true);
  }

  #transmit(now: number): Uint8Array | undefined {
    if (this.#phase === "closed" || !this.hasPipe) return undefined;
    if (this.#phase === "draining" && !this.#hasUndelivered()) this.#phase = "aborting";
    if (this.#phase === "aborting") return this.#transmitClose();
    if (this.#pong !== undefined) this.#records.sendControl(CONTROL_PONG, this.#pong);
    this.#pong = undefined;
    if (this.#liveness.isPingDue(now)) this.#liveness.passed(this.#isIdle());
    const ping = this.#liveness.takePing(now);
    if (ping !== undefined) {
      const body = new Uint8Array(PING_BYTES);
      writeU64(body, 0, ping);
      this.#records.sendControl(CONTROL_PING, body);
    }
    return this.#records.pollTransmit();
  }

  #transmitClose(): Uint8Array | undefined {
    if (this.#isCloseSent) {
      this.#finish(this.#close);
      return undefined;
    }
    const reason = encodeReason(this.#close.reason);
    const body = new Uint8Array(4 + reason.length);
    writeU32(body, 0, this.#close.code);
    body.set(reason, 4);
    this.#records.sendControl(CONTROL_CLOSE, body);
    this.#isCloseSent = true;
    return this.#records.pollTransmit();
  }

  #control(kind: number, body: Uint8Array): void {
    if (kind === CONTROL_PING && body.length === PING_BYTES) {
      this.#pong = body.slice();
      this.#pinged();
    }
    if (kind === CONTROL_PONG && body.length === PING_BYTES) {
      this.#liveness.pong(readU64(body, 0), this.#now);
      this.#mux.roundTripMs = this.#liveness.roundTripMs ?? this.#mux.roundTripMs;
    }
    if (kind === CONTROL_CLOSE && body.length >= 4) {
      const close = { code: readU32(body, 0), reason: decodeText(body.subarray(4)), remote: true };
      this.#records.detach();
      this.#finish(close);
    }
  }

  /**
   * One ping is enough for both while the session is idle: the acceptor, which may have thousands of
   * sessions, leaves it to the initiator.
   */
  #pinged(): void {
    const isIdle = this.#isIdle();
    this.#liveness.passed(isIdle);
    if (!isIdle) return;
    this.#records.trim();
    if (!this.#options.initiator) this.#liveness.postponePing(this.#now);
  }

  /** Whether nothing but pings has been said since this was last asked. */
  #isIdle(): boolean {
    const records = this.#records.dataRecords;
    const isIdle = records === this.#recordsAtPing;
    this.#recordsAtPing = records;
    return isIdle;
  }

  /** The session ends now, CLOSE being all that is left to send. */
  #abort(code: number, reason: string): void {
    this.#close = { code, reason, remote: false };
    if (!this.hasPipe) return this.#finish(this.#close);
    this.#phase = "aborting";
    this.#drainUntil = this.#now + this.#limits.lingerMs;
    this.#endChannels(this.#close);
    this.#notify(true);
  }

  #lost(loss: PathLoss): void {
    if (this.hasPipe) this.#records.detach();
    this.#detached();
    this.#options.onPathLost?.(loss);
  }

  /** The pipe has gone: start the time for another one, unless there is nothing to go on with. */
  #detached(): void {
    this.#resumeUntil = this.#now + this.#limits.resumeMs;
    this.#pong = undefined;
    if (this.#phase === "aborting") this.#finish(this.#close);
  }

  #finish(close: SessionClose): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#close = close;
    this.#records.detach();
    this.#endChannels(close);
    this.#options.onClose(close);
  }

  #endChannels(close: SessionClose): void {
    this.#mux.end(sessionClosed(close));
  }

  #hasUndelivered(): boolean {
    return this.#records.unacknowledgedBytes > 0 || this.#mux.hasUnsent;
  }

  /** The peer owes something while records are unacknowledged, or its ATTACH is awaited. */
  #expectAnswer(now: number): void {
    const isDue = this.#records.unacknowledgedBytes > 0 || !this.#records.isAttached;
    this.#liveness.expect(isDue, now);
  }

  #tick(now: number): void {
    this.#now = now;
    this.#mux.now = now;
  }

  /** Tells the driver once that there is something to send. */
  #notify(force = false): void {
    if (this.#isNotified || this.#isBusy || !this.hasPipe) return;
    if (!force && !this.#hasOutput) return;
    this.#isNotified = true;
    this.#options.onTransmit();
  }

  get #hasOutput(): boolean {
    return this.#records.hasOutput || this.#pong !== undefined ||
      this.#liveness.isPingDue(this.#now) || (this.#records.canSeal && this.#mux.hasOutput) ||
      (this.#phase === "draining" && !this.#hasUndelivered());
  }
}
