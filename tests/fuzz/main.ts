/**
 * `deno task fuzz SECONDS [SEED] [TARGET]`: feeds everything that takes bytes from strangers with
 * changed samples, for that long in all, or until each has had a million; or those alone whose names
 * begin so. A finding is kept in `corpus/` and ends the run with exit code 1.
 *
 * @module
 */
import { addToCorpus, readCorpus } from "./corpus.ts";
import { Finding, fuzz } from "./fuzz.ts";
import { allTargets } from "./targets.ts";

/** Inputs at most for one target: what a million did not find, the same samples will not. */
const MAX_CASES = 1_000_000;

const seconds = Number(Deno.args[0] ?? 60);
const seed = Number(Deno.args[1] ?? Math.floor(Math.random() * 2 ** 31));
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error("usage: deno task fuzz SECONDS [SEED] [TARGET]");
  Deno.exit(2);
}
console.log(`seed ${seed}`);
const wanted = Deno.args[2] ?? "";
const targets = (await allTargets()).filter(({ name }) => name.startsWith(wanted));
let findings = 0;
const deadline = performance.now() + seconds * 1000;
for (const [index, target] of targets.entries()) {
  const start = performance.now();
  // What the others did not need of their time is left to the slow ones.
  const end = start + (deadline - start) / (targets.length - index);
  const isOver = () => performance.now() >= end;
  try {
    const bounds = { seed, cases: MAX_CASES, isOver };
    const count = await fuzz(target, bounds, await readCorpus(target.name));
    const elapsed = (performance.now() - start) / 1000;
    const rate = Math.round(count / elapsed);
    console.log(`${target.name}: ${count} inputs, ${rate} each second, nothing found`);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    findings++;
    console.log(error.message);
    const hex = /input: ([0-9a-f]+)/.exec(error.message)?.[1];
    if (hex !== undefined) await addToCorpus(target.name, hex);
  }
}
Deno.exit(findings === 0 ? 0 : 1);
