import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { NetcheckReport } from "../../lib/endpoint/netcheck/mod.ts";
import type { NatLab } from "./nat/lab.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { NAT_KINDS } from "./nat/router_rules.ts";
import type { Site } from "./nat/site.ts";

const DNC = fileURLToPath(new URL("../../cmd/dnc.ts", import.meta.url));

/** What `dnc --netcheck` says at a site. */
async function netcheck(
  lab: NatLab,
  site: Site,
  ...args: string[]
): Promise<{ code: number; report: NetcheckReport }> {
  const { host, port, user, password } = lab.turn;
  const [program, ...rest] = site.inside(
    ...[Deno.execPath(), "run", "-A", "--unstable-net", DNC, "--netcheck", "--json"],
    ...["-b", lab.bootstrap, "--no-discovery", "-t", `${host}:${port}`, "-u", user, ...args],
  );
  const { code, stdout, stderr } = await new Deno.Command(program!, {
    args: rest,
    env: { ...await site.environment(), DHTNET_TURN_PASS: password },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(text(stderr), "");
  return { code, report: JSON.parse(text(stdout)) };
}

natLabTest(
  "netcheck names each kind of NAT as it is, and what else there is",
  {
    sites: [
      ...NAT_KINDS.map((nat) => ({ name: nat, nat })),
      { name: "carrier", nat: "moderate", carrier: "strict" },
      { name: "mapping", nat: "moderate", mapping: {} },
    ],
    wan: { dhtnodes: 1, turn: true, delayMs: 20 },
  },
  async (lab) => {
    await Promise.all(lab.sites.map(async (site) => {
      const { code, report } = await netcheck(lab, site);
      assert.equal(code, 0, site.name);
      const expected = { carrier: "strict", mapping: "moderate" }[site.name] ?? site.name;
      assert.deepEqual(report.nat.map(({ kind }) => kind), [expected], site.name);
      assert.deepEqual(report.publicIps, [site.publicIpv4], site.name);
      assert.ok(report.elapsedMs < 5_000, `${site.name}: ${report.elapsedMs} ms`);
      assert.deepEqual(report.turn.map(({ transport, failure }) => [transport, failure]), [
        ["udp", undefined],
        ["tcp", undefined],
      ], site.name);
      assert.ok(report.turn.every(({ roundTripMs }) => roundTripMs! >= 40), site.name);
      assert.ok(report.dht.nodes >= 1, site.name);
      const spoken = report.gateways.flatMap(({ protocols }) =>
        protocols.filter(({ available }) => available)
      );
      assert.equal(spoken.length > 0, site.name === "mapping", site.name);
    }));
  },
);

natLabTest(
  "netcheck where no UDP gets out: only TURN over TCP is left",
  {
    sites: [{ name: "a", nat: "moderate", outbound: "no-udp" }],
    wan: { dhtnodes: 1, turn: true },
  },
  async (lab) => {
    const { code, report } = await netcheck(lab, lab.sites[0]!);
    assert.equal(code, 0);
    assert.deepEqual(report.turn.map(({ relayed }) => relayed !== undefined), [false, true]);
    assert.equal(report.nat[0]!.kind, "unknown");
    assert.equal(report.dht.nodes, 0);
    assert.ok(report.elapsedMs < 5_000, `${report.elapsedMs} ms`);
  },
);
