/** What becomes of a session whose first bytes travel before QUIC is up: on long ways, and lossy ones. */
import assert from "node:assert/strict";
import { Call } from "./nat/call.ts";
import type { LabPlan, NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { transfer } from "./nat/transfer.ts";

const MIB = 2 ** 20;

function long(lossPercent: number): LabPlan {
  return {
    sites: [{ name: "a", nat: "moderate" }, { name: "b", nat: "moderate" }],
    wan: { turn: true, delayMs: 25, lossPercent },
  };
}

async function call(lab: NatLab): Promise<Call> {
  return await Call.start(lab, lab.site("a"), lab.site("b"), { relays: () => [] });
}

for (const [megabytes, lossPercent] of [[16, 0], [2, 5]] as const) {
  natLabTest(
    `${megabytes} MiB from the first byte on, ${lossPercent} % loss`,
    long(lossPercent),
    async (lab) => {
      const { seconds } = await transfer(await call(lab), { bytes: megabytes * MIB });
      console.log(`${megabytes} MiB, ${lossPercent} % loss: ${seconds.toFixed(1)} s`);
    },
    { timeoutMs: 60_000 },
  );
}

for (const lossPercent of [0, 10]) {
  natLabTest(
    `a few bytes each way, and the end, ${lossPercent} % loss`,
    long(lossPercent),
    async (lab) => {
      const { dialler, listener } = await call(lab);
      const begin = performance.now();
      const outputs = await Promise.all([dialler.finish("question"), listener.finish("answer")]);
      assert.deepEqual(outputs, ["answer", "question"]);
      const exits = await Promise.all([dialler.exit(), listener.exit()]);
      assert.deepEqual(exits.map(({ code }) => code), [0, 0]);
      console.log(`${lossPercent} % loss: over after ${(performance.now() - begin).toFixed(0)} ms`);
    },
    { timeoutMs: 60_000 },
  );
}
