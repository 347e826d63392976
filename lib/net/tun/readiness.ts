import { turnOfEventLoop } from "../clock.ts";
import { type TunLibc, tunLibc } from "./libc.ts";
import { RuntimeEvents } from "./runtime_events.ts";

// <sys/epoll.h>
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const EPOLLET = 0x8000_0000;
/** `struct epoll_event` is packed on x86-64 only: where its 64 bits of user's data are, and its size. */
const [USER_OFFSET, EVENT_BYTES] = Deno.build.arch === "x86_64" ? [4, 12] : [8, 16];
const MAX_EVENTS = 16;
// <sys/eventfd.h>
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** Waits are on the spot for as long after one that has paid, ms: twice as long as `ping` pauses. */
const ATTENTION_MS = 2_000;
/** The longest time between two turns of the event loop, ms: so late may a timer of the process be. */
const LONGEST_WAIT_MS = 20;
/** There is a wait when nothing was to be done after so many turns of the event loop in a row. */
const QUIET_TURNS = 2;
/** When there still is something to be done after so many, the process is busy. */
const MAX_TURNS = 16;

/**
 * Does what there is to do when a descriptor is readable.
 *
 * @returns whether that was all: nobody else has anything to do on account of it
 */
export type OnTheSpot = () => boolean;

interface Waiter {
  readonly onTheSpot: OnTheSpot;
  readonly promise: Promise<void>;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Waits for descriptors that the runtime does not know, in one of two ways.
 *
 * ```
 *          ┌───── all was done on the spot ──────┐
 *        aside                              on the spot
 *          └── none was, for 2 s; or busy ◀──────┘
 * ```
 *
 * - aside: a thread of the runtime's pool waits. A packet that comes alone costs two changes of
 *   threads and a turn of the event loop, which is more than half of the time that it takes.
 * - on the spot: this thread waits, for the descriptors and whatever would wake the runtime, so that
 *   only timers may be late. A packet costs one change of threads.
 *
 * Measured between two namespaces with a `ping` every 10 ms, by way of two TUN devices: 339 µs on the
 * spot, 635 with turns of the event loop between packets, 750 aside.
 */
export class Readiness {
  readonly #libc: TunLibc;
  readonly #epoll: number;
  readonly #wake: number;
  readonly #waiters = new Map<number, Waiter>();
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #events = new Uint8Array(EVENT_BYTES * MAX_EVENTS);
  readonly #eventsView = new DataView(this.#events.buffer);
  readonly #runtime: RuntimeEvents;
  #attentiveUntilMs = -Infinity;
  #isRunning = false;
  #isAside = false;

  /** @param libc makes the system calls */
  constructor(libc: TunLibc) {
    this.#libc = libc;
    this.#runtime = new RuntimeEvents(libc);
    this.#epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    this.#wake = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN | EPOLLET);
  }

  /**
   * Waits until a descriptor is readable, or the other side has closed it, and what there is to do then
   * is not all done on the spot. One wait for each descriptor.
   *
   * @throws what `onTheSpot` throws
   */
  async readable(fd: number, onTheSpot: OnTheSpot = () => false): Promise<void> {
    const waiter = { onTheSpot, ...Promise.withResolvers<void>() };
    this.#waiters.set(fd, waiter);
    this.#control(EPOLL_CTL_ADD, fd, EPOLLIN);
    if (!this.#isRunning) void this.#run();
    await waiter.promise;
  }

  /** Waits no more. To be called before a descriptor is closed. A wait under way ends. */
  forget(fd: number): void {
    this.#waiters.get(fd)?.resolve();
    this.#unwatch(fd);
    // A thread that waits keeps the process from its end.
    if (this.#waiters.size === 0 && this.#isAside) this.#wakeUp();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiters.size > 0) {
      if (performance.now() < this.#attentiveUntilMs) await this.#waitHere();
      else await this.#waitAside();
    }
    this.#isRunning = false;
  }

  async #waitAside(): Promise<void> {
    this.#isAside = true;
    const count = await this.#libc.epollWaitAside(this.#epoll, this.#events, MAX_EVENTS, -1);
    this.#isAside = false;
    this.#dispatch(count);
  }

  async #waitHere(): Promise<void> {
    for (let turns = 0, quiet = 0; quiet < QUIET_TURNS; turns++) {
      if (turns === MAX_TURNS) {
        this.#attentiveUntilMs = -Infinity;
        return;
      }
      await turnOfEventLoop();
      quiet = this.#take(0) === "nothing" ? quiet + 1 : 0;
    }
    const endMs = performance.now() + LONGEST_WAIT_MS;
    for (let leftMs = LONGEST_WAIT_MS; leftMs > 0; leftMs = endMs - performance.now()) {
      if (this.#take(Math.ceil(leftMs)) === "left") return;
    }
  }

  /** @returns what came: nothing, what is done, or something that is left for others to do */
  #take(timeoutMs: number): "nothing" | "done" | "left" {
    const { isReady, isRuntimeReady } = this.#runtime.wait(this.#epoll, timeoutMs);
    if (!isReady) return isRuntimeReady ? "left" : "nothing";
    const count = this.#libc.epollWait(this.#epoll, this.#events, MAX_EVENTS, 0);
    return this.#dispatch(count) && !isRuntimeReady ? "done" : "left";
  }

  /** @returns whether that was all */
  #dispatch(count: number): boolean {
    let isAll = true;
    for (let index = 0; index < count; index++) {
      const fd = this.#eventsView.getInt32(index * EVENT_BYTES + USER_OFFSET, true);
      const waiter = this.#waiters.get(fd);
      if (waiter === undefined) continue;
      if (this.#isDoneOnTheSpot(waiter)) {
        this.#attend();
        continue;
      }
      isAll = false;
      // It may have been forgotten meanwhile.
      if (this.#waiters.get(fd) === waiter) this.#unwatch(fd);
    }
    return isAll;
  }

  #isDoneOnTheSpot({ onTheSpot, resolve, reject }: Waiter): boolean {
    try {
      if (onTheSpot()) return true;
      resolve();
    } catch (error) {
      reject(error);
    }
    return false;
  }

  #unwatch(fd: number): void {
    if (this.#waiters.delete(fd)) this.#control(EPOLL_CTL_DEL, fd, 0);
  }

  #attend(): void {
    if (this.#runtime.isKnown) this.#attentiveUntilMs = performance.now() + ATTENTION_MS;
  }

  #wakeUp(): void {
    this.#libc.write(this.#wake, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }

  #control(operation: number, fd: number, events: number): void {
    const view = new DataView(this.#event.buffer);
    view.setUint32(0, events, true);
    view.setInt32(USER_OFFSET, fd, true);
    this.#libc.epoll_ctl(this.#epoll, operation, fd, this.#event);
  }
}

let shared: Readiness | undefined;

/** The one of this process. */
export function readiness(): Readiness {
  return shared ??= new Readiness(tunLibc());
}
