import {
  type ChannelRequest,
  type PathLoss,
  Session,
  type SessionClose,
  type SessionLimits,
} from "../../lib/session/mod.ts";

/** Lets everything that waits on promises run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One session and what happened to it. */
export class SessionEnd {
  readonly session: Session;
  readonly requests: ChannelRequest[] = [];
  readonly losses: PathLoss[] = [];
  readonly closes: SessionClose[] = [];
  /** Bytes on their way to this end. */
  inbound = new Uint8Array(0);
  transmits = 0;
  onChannel: (request: ChannelRequest) => void = (request) => this.requests.push(request);

  constructor(initiator: boolean, send: number, receive: number, limits: Partial<SessionLimits>) {
    const key = (fill: number) => new Uint8Array(32).fill(fill);
    this.session = new Session({
      initiator,
      keys: { send: key(send), receive: key(receive), handshakeHash: key(3) },
      now: 0,
      limits,
      onChannel: (request) => this.onChannel(request),
      onTransmit: () => this.transmits++,
      onPathLost: (loss) => this.losses.push(loss),
      onClose: (close) => this.closes.push(close),
    });
  }

  /** Everything that the session wants to send now, as one copy. */
  drain(now: number): Uint8Array {
    const chunks: Uint8Array[] = [];
    for (let chunk; (chunk = this.session.pollTransmit(now)) !== undefined;) {
      chunks.push(chunk.slice());
    }
    return join(chunks);
  }
}

/** Options of a {@link SessionPair}. */
export interface PairOptions {
  readonly limits?: Partial<SessionLimits>;
  readonly leftLimits?: Partial<SessionLimits>;
  readonly rightLimits?: Partial<SessionLimits>;
}

/** Two sessions with the same keys and a simulated clock, joined by a pipe that tests can cut. */
export class SessionPair {
  readonly left: SessionEnd;
  readonly right: SessionEnd;
  now = 0;

  constructor(options: PairOptions = {}) {
    this.left = new SessionEnd(true, 1, 2, { ...options.limits, ...options.leftLimits });
    this.right = new SessionEnd(false, 2, 1, { ...options.limits, ...options.rightLimits });
  }

  /** A new pipe for both. */
  attach(): void {
    this.left.inbound = this.right.inbound = new Uint8Array(0);
    this.left.session.attach(this.now);
    this.right.session.attach(this.now);
  }

  /** The pipe is gone for both, and what was on its way with it. */
  cut(): void {
    this.left.inbound = this.right.inbound = new Uint8Array(0);
    this.left.session.detach(this.now);
    this.right.session.detach(this.now);
  }

  /** One end transmits; up to `limit` of the bytes on their way arrive at the other, in pieces of `split`. */
  move(from: SessionEnd, split = Infinity, limit = Infinity): number {
    const to = from === this.left ? this.right : this.left;
    to.inbound = join([to.inbound, from.drain(this.now)]);
    const count = Math.min(limit, to.inbound.length);
    for (let at = 0; at < count;) {
      const end = Math.min(count, at + split);
      // A fresh copy, overwritten afterwards: the session must not keep what it was lent.
      const piece = to.inbound.slice(at, end);
      to.session.receive(piece, this.now);
      piece.fill(0xee);
      at = end;
    }
    to.inbound = to.inbound.subarray(count);
    return count;
  }

  /** Moves bytes both ways until nothing is left to move and nobody reacts any more. */
  async run(split = Infinity): Promise<void> {
    for (let idle = 0; idle < 2;) {
      const moved = this.move(this.left, split) + this.move(this.right, split);
      await settle();
      idle = moved === 0 ? idle + 1 : 0;
    }
  }

  /** Lets time pass, with timers, while the pipe works. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (let steps = 0; steps < 10_000; steps++) {
      const due = Math.min(
        this.left.session.pollTimeout() ?? Infinity,
        this.right.session.pollTimeout() ?? Infinity,
      );
      this.now = Math.max(this.now, Math.min(end, due));
      if (due > end) break;
      this.left.session.handleTimeout(this.now);
      this.right.session.handleTimeout(this.now);
      await this.run();
    }
  }
}

/** Concatenates. */
export function join(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Bytes that differ by position and seed, so that a loss, repetition or swap shows. */
export function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
