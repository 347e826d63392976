import { bytesToHex } from "@noble/hashes/utils.js";
import { mutate, seededBelow } from "./mutation.ts";
import type { FuzzSubject, FuzzTarget } from "./target.ts";

/**
 * Inputs that one state machine takes before a fresh one takes over: most find it young, as a stranger
 * does who looks for a way in; some find it old, as one does who wants it to grow.
 */
const LIVES = [...new Array(9).fill(500), 20_000] as const;
/** What a subject may hold at the end of its life, bytes: bounds on state are well below. */
const MAX_GROWTH_BYTES = 48 << 20;
/** Memory outside the heap is given back by another thread, so soon, ms, if the processor is free. */
const GIVING_BACK_MS = 20;
/** How often it is waited for where too much seems to be held. */
const GIVING_BACK_TRIES = 50;
/** An input that takes longer is a hang, ms of processor time or of waiting for it. */
const HANG_MS = 2_000;

/** An input that does what none may do. */
export class Finding extends Error {
  override readonly name = "Finding";

  constructor(target: string, bytes: Uint8Array, cause: unknown) {
    super(`${target}: ${cause}\n  input: ${bytesToHex(bytes)}`, { cause });
  }
}

/** How long to go on. */
export interface FuzzBounds {
  /** Of the random numbers: the same seed gives the same inputs. */
  readonly seed: number;
  /** Inputs at most. */
  readonly cases: number;
  /** Whether to stop; asked between subjects. */
  readonly isOver?: () => boolean;
}

/**
 * Feeds a target with its corpus and with changed samples.
 *
 * @returns how many inputs it took
 * @throws {Finding} at the first one that raises a foreign error, breaks a bound, or hangs
 */
export async function fuzz(
  target: FuzzTarget,
  { seed, cases, isOver = () => false }: FuzzBounds,
  corpus: readonly Uint8Array[] = [],
): Promise<number> {
  const below = seededBelow(seed);
  const samples = [...target.samples, ...corpus];
  let count = 0;
  const before = await heldBytes();
  const watch = setInterval(() => {
    if (performance.now() - since > HANG_MS) giveUp?.();
  }, HANG_MS / 4);
  using _ = { [Symbol.dispose]: () => clearInterval(watch) };
  for (let life = 0; count < cases && !isOver(); life++) {
    const subject = target.start();
    for (const bytes of count === 0 ? samples : []) {
      await feed(target, subject, Uint8Array.from(bytes));
    }
    const length = LIVES[life % LIVES.length]!;
    const end = Math.min(cases, count + length);
    for (; count < end && (count % 500 !== 0 || !isOver()); count++) {
      const pending = feed(target, subject, mutate(samples, below));
      if (pending !== undefined) await pending;
    }
    subject.check?.();
    if (length === LIVES.at(-1)) await judgeGrowth(target, before);
  }
  await judgeGrowth(target, before);
  return count;
}

/** Where garbage can be collected on demand (`--v8-flags=--expose-gc`), what is left of the heap. */
async function heldBytes(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return NaN;
  gc();
  await new Promise((resolve) => setTimeout(resolve, GIVING_BACK_MS));
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

async function judgeGrowth(target: FuzzTarget, before: number): Promise<void> {
  let bytes = await heldBytes() - before;
  for (let tries = 0; bytes > MAX_GROWTH_BYTES && tries < GIVING_BACK_TRIES; tries++) {
    bytes = await heldBytes() - before;
  }
  if (!(bytes > MAX_GROWTH_BYTES)) return;
  throw new Finding(target.name, new Uint8Array(0), `holds ${bytes >> 20} MiB more than before`);
}

/** Gives up the promise that is waited for. */
let giveUp: (() => void) | undefined;
let since = 0;

/** The same promise, unless it takes too long: a timer for each input would cost too much. */
function watched(pending: Promise<unknown>): Promise<unknown> {
  since = performance.now();
  return new Promise((resolve, reject) => {
    giveUp = () => reject(new Error("never settles"));
    pending.then(resolve, reject).finally(() => giveUp = undefined);
  });
}

/** Undefined when it is done already: a promise for each input would cost more than most decoders. */
function feed(
  target: FuzzTarget,
  subject: FuzzSubject,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> | undefined {
  const kept = bytes.slice();
  const start = performance.now();
  const failed = (cause: unknown): never => {
    throw new Finding(target.name, kept, cause);
  };
  const judge = () => {
    const elapsed = performance.now() - start;
    if (elapsed > HANG_MS) failed(`took ${elapsed.toFixed(0)} ms`);
  };
  try {
    const pending = subject.take(bytes);
    if (pending instanceof Promise) return watched(pending).then(judge, failed);
  } catch (cause) {
    failed(cause);
  }
  judge();
  return undefined;
}
