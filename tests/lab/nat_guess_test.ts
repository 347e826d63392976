/** Calls for which nobody but the DHT has told where we appear outside of our NAT. */
import assert from "node:assert/strict";
import { Call } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

for (const [a, b] of [["moderate", "moderate"], ["open", "moderate"], ["open", "open"]] as const) {
  natLabTest(
    `${a} x ${b} without any STUN server: direct`,
    { sites: [{ name: "a", nat: a }, { name: "b", nat: b }] },
    async (lab) => {
      const call = await Call.start(lab, lab.site("a"), lab.site("b"));
      const echoAtMs = await call.echo();
      assert.equal(call.path?.relayed, false);
      console.log(`direct after ${(echoAtMs - call.dialledAtMs).toFixed(0)} ms`);
    },
  );
}
