/**
 * `deno task fuzz SECONDS [SEED]`: feeds everything that takes bytes from strangers with changed
 * samples, for that long in all. A finding is kept in `corpus/` and ends the run with exit code 1.
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
  console.error("usage: deno task fuzz SECONDS [SEED]");
  Deno.exit(2);
}
console.log(`seed ${seed}`);
const targets = await allTargets();
let findings = 0;
for (const target of targets) {
  const start = performance.now();
  const end = start + seconds * 1000 / targets.length;
  const isOver = () => performance.now() >= end;
  try {
    const bounds = { seed, cases: MAX_CASES, isOver };
    const count = await fuzz(target, bounds, await readCorpus(target.name));
    const elapsed = (performance.now() - start) / 1000;
    console.log(`${target.name}: ${count} inputs in ${elapsed.toFixed(1)} s, nothing found`);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    findings++;
    console.log(error.message);
    await addToCorpus(target.name, /input: (.*)/.exec(error.message)![1]!);
  }
}
Deno.exit(findings === 0 ? 0 : 1);
