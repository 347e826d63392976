import assert from "node:assert/strict";
import { SeededRandom } from "../support/simulated_clock.ts";
import { SessionEnd, settle } from "../support/session_pair.ts";
import { EarlyPath } from "./early_path.ts";
import { FaultyPipe, type SimulatedPath } from "./faulty_pipe.ts";
import { Transfer } from "./transfer.ts";

/** What may go wrong in a run. */
export type Fault =
  | "break"
  | "break-one-side"
  | "stall"
  | "flip"
  | "new-path"
  | "clock-jump"
  | "long-jump"
  | "kill";

const LIMITS = { initialWindow: 60_000, receiveMemory: 8 << 20, sendBuffer: 2 << 20 };
/** Virtual milliseconds: faults until then, then peace. */
const FAULTS_UNTIL_MS = 30_000;
const GIVE_UP_MS = 400_000;

/** One side: a session, its own clock, the pipe that it uses. */
interface Side {
  readonly end: SessionEnd;
  /** Its clock is this much ahead, milliseconds. */
  ahead: number;
  pipe: SimulatedPath | undefined;
  reconnectAt: number;
  killed: boolean;
}

/** Two sessions that talk over one pipe after another while faults of the given kinds happen. */
export class SessionSimulation {
  readonly random: SeededRandom;
  readonly sides: readonly [Side, Side];
  readonly transfers: Transfer[] = [];
  readonly #faults: readonly Fault[];
  readonly #failures: unknown[] = [];
  #now = 0;
  #nextFault = 0;
  /** When the first path gives way to a lasting one. */
  #replaceAt = Infinity;
  pipes = 0;
  /** Sessions that began on bare datagrams. */
  early = 0;

  constructor(seed: number, faults: readonly Fault[]) {
    this.random = new SeededRandom(seed);
    this.#faults = faults;
    const side = (initiator: boolean, send: number, receive: number): Side => ({
      end: new SessionEnd(initiator, send, receive, LIMITS),
      ahead: 0,
      pipe: undefined,
      reconnectAt: Infinity,
      killed: false,
    });
    this.sides = [side(true, 1, 2), side(false, 2, 1)];
    for (const { end } of this.sides) {
      end.onChannel = (request) => {
        const transfer = this.transfers.find(({ name }) => name === request.name);
        assert.ok(transfer, `nobody opened ${request.name}`);
        this.#follow(transfer.read(request.accept()));
      };
    }
    this.#connect();
    for (let n = 1 + Math.floor(this.random.next() * 5); n > 0; n--) this.#open(n);
  }

  /** Runs until every transfer is over. */
  async run(): Promise<void> {
    while (this.transfers.some(({ over }) => !over)) {
      await settle();
      if (this.#failures.length > 0) throw this.#failures[0];
      this.#turn();
      if (this.#now > GIVE_UP_MS) break;
    }
    await settle();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Lets both sessions come to rest. */
  async rest(ms: number): Promise<void> {
    const end = this.#now + ms;
    this.#nextFault = Infinity;
    while (this.#now < end) {
      await settle();
      this.#turn();
    }
  }

  get now(): number {
    return this.#now;
  }

  #open(n: number): void {
    const name = `channel ${n}`, size = Math.floor(this.random.next() ** 2 * 400_000);
    const transfer = new Transfer(name, size, this.random);
    this.transfers.push(transfer);
    const { end } = this.sides[this.random.next() < 0.5 ? 0 : 1]!;
    this.#follow(transfer.write(end.session.open(name)));
  }

  #follow(promise: Promise<void>): void {
    promise.catch((error) => this.#failures.push(error));
  }

  /** One step of virtual time: to the next arrival, time-out, reconnection or fault. */
  #turn(): void {
    this.#now = Math.max(this.#now, Math.min(this.#now + 250, this.#nextEvent()));
    if (this.#now >= this.#replaceAt) this.#connect();
    if (this.#now >= this.#nextFault) this.#happen();
    for (const transfer of this.transfers) if (this.random.next() < 0.2) transfer.leave += 20_000;
    for (const side of this.sides) {
      if (side.killed) continue;
      const { session } = side.end, now = this.#now + side.ahead;
      if (this.#now >= side.reconnectAt) this.#connect();
      this.#deliver(side, now);
      if ((session.pollTimeout() ?? Infinity) <= now) session.handleTimeout(now);
      this.#transmit(side, now);
      if (!session.hasPipe) this.#lost(side);
    }
  }

  #nextEvent(): number {
    const times = this.sides.flatMap((side) => [
      (side.killed ? Infinity : side.end.session.pollTimeout() ?? Infinity) - side.ahead,
      side.pipe?.next() ?? Infinity,
      side.reconnectAt,
    ]);
    return Math.min(...times, this.#nextFault, this.#replaceAt);
  }

  #deliver(side: Side, now: number): void {
    const { pipe, end } = side;
    if (pipe === undefined) return;
    for (const piece of pipe.arrived(end, this.#now)) {
      const good = end.session.receive(piece, now);
      piece.fill(0xee);
      if (!good) break;
    }
  }

  #transmit(side: Side, now: number): void {
    const other = this.sides[side === this.sides[0] ? 1 : 0]!;
    const bytes = side.end.drain(now);
    side.pipe?.send(other.end, bytes, this.#now);
  }

  /** A side has noticed that its pipe is gone: both are to meet on another one soon. */
  #lost(side: Side): void {
    if (side.pipe !== undefined) side.pipe.at(side.end).attached = false;
    side.pipe = undefined;
    if (side.reconnectAt !== Infinity || this.#isOver) return;
    side.reconnectAt = this.#now + 20 + this.random.next() * 2_000;
  }

  get #isOver(): boolean {
    return this.sides.some(({ end, killed }) => killed || end.session.isClosed);
  }

  /** A new pipe; each side takes it into use in its own time, and drops what it had. */
  #connect(): void {
    for (const side of this.sides) side.reconnectAt = Infinity;
    this.#replaceAt = Infinity;
    if (this.#isOver) return;
    const pipe = this.#newPath();
    this.pipes++;
    for (const side of this.sides) {
      if (side.pipe !== undefined) side.pipe.at(side.end).attached = false;
      side.pipe = pipe;
      pipe.at(side.end).attached = true;
      side.end.session.attach(this.#now + side.ahead);
    }
    if (this.#nextFault === 0) this.#plan();
  }

  /** A lasting one; the first of a session may be one of bare datagrams, for a moment. */
  #newPath(): SimulatedPath {
    const { random } = this, ends = this.sides.map(({ end }) => end);
    const delayMs = random.next() * 80, jitterMs = random.next() * 40;
    if (this.pipes > 0 || random.next() < 0.5) {
      const bytesPerMs = 10 + random.next() * 200;
      return new FaultyPipe(ends, { delayMs, jitterMs, bytesPerMs }, random);
    }
    this.early++;
    this.#replaceAt = this.#now + 5 + random.next() * 1_500;
    const [loss, duplication, forgery] = [0.3, 0.3, 0.1].map((most) => random.next() * most);
    return new EarlyPath(
      ends,
      { delayMs, jitterMs, loss: loss!, duplication: duplication!, forgery: forgery! },
      random,
    );
  }

  #plan(): void {
    const soon = this.#now + 5 + this.random.next() ** 2 * 3_000;
    this.#nextFault = soon < FAULTS_UNTIL_MS && this.#faults.length > 0 ? soon : Infinity;
  }

  #happen(): void {
    const fault = this.#faults[Math.floor(this.random.next() * this.#faults.length)]!;
    const side = this.sides[this.random.next() < 0.5 ? 0 : 1]!;
    const { pipe } = side;
    switch (fault) {
      case "break":
        pipe?.break();
        for (const { end, ahead, pipe: used } of this.sides) {
          if (used === pipe) end.session.detach(this.#now + ahead);
        }
        break;
      case "break-one-side":
        pipe?.break();
        side.end.session.detach(this.#now + side.ahead);
        break;
      case "stall":
        if (pipe !== undefined) pipe.stalledUntil = this.#now + this.random.next() * 20_000;
        break;
      case "flip":
        pipe?.flip();
        break;
      case "new-path":
        this.#connect();
        break;
      case "clock-jump":
        side.ahead += this.random.next() * 8_000;
        break;
      case "long-jump":
        side.ahead += this.random.next() * 3_600_000;
        break;
      case "kill":
        side.killed = true;
        pipe?.break();
        side.reconnectAt = Infinity;
    }
    this.#plan();
  }
}
