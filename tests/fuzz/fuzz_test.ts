import assert from "node:assert/strict";
import { readCorpus } from "./corpus.ts";
import { fuzz } from "./fuzz.ts";
import { decoder, type FuzzTarget } from "./target.ts";
import { allTargets } from "./targets.ts";

/** Inputs for each target in every run of the tests; `deno task fuzz` goes on for longer. */
const CASES = 1_000;

for (const target of await allTargets()) {
  Deno.test(`${target.name}: hostile bytes raise no foreign error, break no bound, and never hang`, async () => {
    await fuzz(target, { seed: 1, cases: CASES }, await readCorpus(target.name));
  });
}

Deno.test("the fuzzer finds an error, a hang, and an input again by its seed", async () => {
  const fragile = decoder("fragile", [new Uint8Array(8)], (bytes) => {
    if (bytes[3] === 0x80) throw new TypeError("found");
  });
  const finding = (seed: number) =>
    fuzz(fragile, { seed, cases: 10_000 }).then(() => "nothing", (error) => error.message);
  assert.match(await finding(5), /fragile: TypeError: found\n {2}input: ([0-9a-f]{2}){3}80/);
  assert.equal(await finding(5), await finding(5));
});

Deno.test("the fuzzer finds what is never done", async () => {
  const stuck = decoder("stuck", [new Uint8Array(8)], () => new Promise(() => {}));
  await assert.rejects(
    fuzz(stuck, { seed: 1, cases: 1 }),
    /stuck: Error: never settles\n {2}input/,
  );
});

Deno.test("the fuzzer finds what grows with each input", async () => {
  const growing: FuzzTarget = {
    name: "growing",
    samples: [new Uint8Array(8)],
    start() {
      const kept: Uint8Array[] = [];
      return { take: () => void kept.push(new Uint8Array(4_000).fill(1)) };
    },
  };
  const scope = globalThis as { gc?: () => void };
  scope.gc ??= () => {};
  const growth = /growing: holds \d+ MiB more than before/;
  await assert.rejects(fuzz(growing, { seed: 1, cases: 24_500 }), growth);
});
