/** Candidates that come when the call is on its way over the relay already. */
import assert from "node:assert/strict";
import { eventually } from "./command.ts";
import { Call } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

/** Longest time from the start of a router's port mapping to the direct path. */
const UPGRADE_MS = 45_000;

for (const mapper of ["a", "b"]) {
  const side = mapper === "a" ? "dialler" : "listener";
  natLabTest(
    `a port that the ${side}'s router maps late is offered over the relayed session, and wins`,
    {
      sites: ["a", "b"].map((name) => ({
        name,
        nat: "strict",
        ...(name === mapper ? { mapping: {}, mappingLater: true } : {}),
      })),
      wan: { turn: true },
    },
    async (lab) => {
      const call = await Call.start(lab, lab.site("a"), lab.site("b"));
      await call.echo();
      assert.equal(call.path?.relayed, true);
      await lab.startMapping(mapper);
      const begin = performance.now();
      await eventually("the path is direct", () => call.path?.relayed === false, UPGRADE_MS);
      console.log(`direct after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    },
    { timeoutMs: 60_000 },
  );
}
