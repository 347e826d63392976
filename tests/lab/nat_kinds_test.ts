import assert from "node:assert/strict";
import { run } from "./command.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { NAT_KINDS, type NatKind } from "./nat/router_rules.ts";

/** What coturn's discovery (RFC 5780) says of each kind: mapping, then filtering (RFC 4787). */
const BEHAVIOUR: Record<NatKind, [mapping: string, filtering: string]> = {
  none: ["Endpoint Independent Mapping", "Endpoint Independent Filtering"],
  open: ["Endpoint Independent Mapping", "Endpoint Independent Filtering"],
  moderate: ["Endpoint Independent Mapping", "Address and Port Dependent Filtering"],
  strict: ["Address and Port Dependent Mapping", "Address and Port Dependent Filtering"],
};

natLabTest(
  "each kind of NAT is what coturn's natdiscovery calls it",
  {
    sites: [
      ...NAT_KINDS.map((nat) => ({ name: nat, nat })),
      // The carrier's NAT decides what the world sees, and never for the better.
      { name: "moderate-in-strict", nat: "moderate", carrier: "strict" },
      { name: "open-in-moderate", nat: "open", carrier: "moderate" },
    ],
    wan: { dhtnodes: 0, turn: true },
  },
  async (lab) => {
    const expected: Record<string, [string, string]> = {
      ...BEHAVIOUR,
      "moderate-in-strict": BEHAVIOUR.strict,
      "open-in-moderate": BEHAVIOUR.moderate,
    };
    await Promise.all(lab.sites.map(async (site) => {
      const command = ["turnutils_natdiscovery", "-m", "-f", lab.turn.host];
      const said = await run(...site.inside(...command));
      const verdicts = [...said.matchAll(/^NAT with (.*?)!/gm)].map((match) => match[1]);
      assert.deepEqual(verdicts, expected[site.name], `${site.name}: ${said}`);
      const seen = /UDP reflexive addr: ([\d.]+):/.exec(said)?.[1];
      assert.equal(seen, site.publicIpv4, site.name);
    }));
  },
);
