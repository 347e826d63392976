/** Two NATs between two machines that use TCP alone: both dial, and their SYNs meet. */
import assert from "node:assert/strict";
import { eventually } from "./command.ts";
import { Call } from "./nat/call.ts";
import { type LabPlan } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";

const sites = [{ name: "a", nat: "moderate" }, { name: "b", nat: "moderate" }] as const;
const networks: Record<string, LabPlan> = {
  "which a STUN server sees": { sites, wan: { turn: true } },
  "which the DHT alone sees": { sites },
  "far apart": { sites, wan: { turn: true, delayMs: 25 } },
  "of carriers, too": {
    sites: sites.map((site) => ({ ...site, carrier: "moderate" })),
    wan: { turn: true },
  },
  "none, but IPv6 firewalls": {
    sites: sites.map((site) => ({ ...site, families: [6] })),
    wan: { turn: true },
  },
};

for (const [name, plan] of Object.entries(networks)) {
  natLabTest(`simultaneous TCP open through NATs ${name}`, plan, async (lab) => {
    const both = ["--transport", "tcp"];
    const call = await Call.start(lab, lab.site("a"), lab.site("b"), { both });
    const echoAtMs = await call.echo();
    assert.deepEqual(call.path, { relayed: false, kind: "tcp" });
    console.log(`connected after ${(echoAtMs - call.dialledAtMs).toFixed(0)} ms`);
  });
}

natLabTest(
  "simultaneous TCP open from where no UDP gets out",
  { sites: [{ ...sites[0], outbound: "no-udp" }, sites[1]], wan: { turn: true } },
  async (lab) => {
    const call = await Call.start(lab, lab.site("a"), lab.site("b"));
    await call.echo();
    // It may begin over the relay, which is there sooner.
    await eventually("the path is direct", () => call.path?.relayed === false, 5_000);
    assert.equal(call.path?.kind, "tcp");
  },
);
