import assert from "node:assert/strict";
import { type PipeLoss, SessionDriver } from "../../lib/endpoint/session_driver.ts";
import type { Clock, Pipe } from "../../lib/net/mod.ts";
import { Session } from "../../lib/session/mod.ts";
import { memoryPipes } from "../support/memory_pipe.ts";
import { SimulatedClock } from "../support/simulated_clock.ts";

const LIMITS = { pingMs: 1_000, silenceMs: 2_000, quickSilenceMs: 2_000 };

class End {
  readonly time = new SimulatedClock();
  readonly losses: PipeLoss[] = [];
  /** How much later it is than timers were told. */
  heldUpMs = 0;
  /** Timers that have fired. */
  timers = 0;
  readonly #driver: SessionDriver;
  readonly session: Session;

  constructor(initiator: boolean, pipe: Pipe) {
    const clock: Clock = {
      now: () => this.time.now + this.heldUpMs,
      wallClock: () => 0,
      setTimer: (at, callback) => {
        let isCancelled = false;
        this.time.after(at - clock.now(), () => {
          if (isCancelled) return;
          this.timers++;
          callback();
        });
        return { cancel: () => isCancelled = true };
      },
    };
    const [a, b, handshakeHash] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    this.session = new Session({
      initiator,
      keys: initiator
        ? { send: a, receive: b, handshakeHash }
        : { send: b, receive: a, handshakeHash },
      now: 0,
      limits: LIMITS,
      onChannel: () => {},
      onTransmit: () => this.#driver.wake(),
      onPathLost: (loss) => this.#driver.drop(loss),
      onClose: () => this.#driver.finish(),
    });
    this.#driver = new SessionDriver(this.session, clock);
    this.#driver.onPipeLost = (loss) => this.losses.push(loss);
    this.#driver.attach(pipe);
  }

  attach(pipe: Pipe): void {
    this.#driver.attach(pipe);
  }

  /** Lets time pass, and I/O happen after each timer; a timer that is late runs before any I/O. */
  async pass(ms: number): Promise<void> {
    for (const end = this.time.now + ms; this.time.now < end;) {
      const until = Math.min(end, this.time.now + 50), timers = this.timers;
      this.time.run(until, () => this.timers > timers);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A pipe whose reads can be held up, as those of a process that is not given a processor. */
function gated(pipe: Pipe): { pipe: Pipe; hold(): void; release(): void } {
  let gate = Promise.resolve(), release = () => {};
  return {
    pipe: {
      ...pipe,
      async read(into) {
        const count = await pipe.read(into);
        await gate;
        return count;
      },
    },
    hold: () => void (gate = new Promise((resolve) => release = resolve)),
    release: () => release(),
  };
}

Deno.test("a process that was held up reads what came before it judges the peer silent", async () => {
  const [near, far] = memoryPipes();
  const gate = gated(near);
  const held = new End(true, gate.pipe), peer = new End(false, far);
  await held.pass(1_000);
  // Its ping goes out, and the answer comes, but nothing runs here for a minute.
  gate.hold();
  await held.pass(500);
  held.heldUpMs += 60_000;
  for (const { timers } = held; held.timers === timers;) await held.pass(50);
  gate.release();
  await held.pass(500);
  assert.deepEqual(held.losses, []);
  for (const { session } of [held, peer]) session.close(1, "");
});

Deno.test("a peer that was silent all the while is lost soon after", async () => {
  const held = new End(true, memoryPipes()[0]);
  await held.pass(500);
  held.heldUpMs += 60_000;
  await held.pass(2_500);
  assert.deepEqual(held.losses.map(({ kind }) => kind), ["silent"]);
  held.session.close(1, "");
});

Deno.test("a new pipe is used at once, although a write to the former one was under way", async () => {
  const stuck = Promise.withResolvers<never>();
  const never = new Promise<never>(() => {});
  const [first, second] = memoryPipes();
  // As TCP and QUIC: what waits to be written fails when the pipe is aborted.
  const former: Pipe = {
    ...first,
    read: () => never,
    write: () => stuck.promise,
    abort: () => Promise.resolve(stuck.reject(new Error("aborted"))),
  };
  const end = new End(true, former);
  await end.pass(1);
  end.attach(second);
  const read = first.read(new Uint8Array(1_000));
  // No timer is due so soon.
  await end.pass(0);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(await Promise.race([read, Promise.resolve(0)]), "the new pipe is begun");
  end.session.close(1, "");
});
