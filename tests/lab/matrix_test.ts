/**
 * Which pairs of networks connect, by what path and how soon, through the real `dnc`.
 *
 * `MATRIX_TRIES=20 deno test -A tests/lab/matrix_test.ts` makes the figures that the README gives.
 */
import assert from "node:assert/strict";
import natMatrix from "../vectors/nat-matrix/nat-matrix.json" with { type: "json" };
import { eventually } from "./command.ts";
import { Call } from "./nat/call.ts";
import { type LabPlan, NatLab } from "./nat/lab.ts";
import { bounded } from "./nat/nat_lab_test_case.ts";
import { NAT_KINDS } from "./nat/router_rules.ts";
import type { SitePlan } from "./nat/site.ts";
import type { RouterPlan } from "./nat/site_router.ts";

const TRIES = Number(Deno.env.get("MATRIX_TRIES") ?? 1);
/** Longest time from the start of the dialler to the first echoed byte. */
const CALL_MS = 20_000;
/** How soon a relayed call finds its way through a symmetric NAT and a port-restricted one. */
const UPGRADE_MS = 5_000;
/** How often at least. */
const UPGRADED_SHARE = 0.9;

/** What came of one try. */
interface Outcome {
  readonly path: "direct" | "relay" | "none";
  /** From the start of the dialler's process to the first echoed byte. */
  readonly ms: number;
}

const table: string[] = [];

/** One call in a lab of its own. */
async function attempt(
  plan: LabPlan,
  [from, to]: [string, string],
  upgrade: boolean,
): Promise<Outcome> {
  await using lab = await NatLab.create(plan);
  const dialler = ["--timeout", `${CALL_MS}ms`];
  const call = await Call.start(lab, lab.site(from), lab.site(to), { dialler });
  try {
    const echoAtMs = await bounded(lab, call.echo(), CALL_MS + 5_000);
    if (upgrade) await eventually("the path is direct", () => !call.path!.relayed, UPGRADE_MS);
    const { relayed } = call.path!;
    return { path: relayed ? "relay" : "direct", ms: echoAtMs - call.dialledAtMs };
  } catch (error) {
    console.error((error as Error).message);
    return { path: "none", ms: Infinity };
  }
}

/** Tries a pair of networks; all tries must connect, by a path that is at least as good as expected. */
function matrixTest(
  name: string,
  sites: readonly SitePlan[],
  expected: "direct" | "relay",
  { upgrade = false, pair = ["a", "b"] as [string, string] } = {},
): void {
  Deno.test({
    name: `matrix: ${name}: ${expected}`,
    fn: async () => {
      const outcomes: Outcome[] = [];
      for (let i = 0; i < TRIES; i++) {
        outcomes.push(await attempt({ sites, wan: { turn: true } }, pair, upgrade));
      }
      const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
      const count = (path: Outcome["path"]) => outcomes.filter((one) => one.path === path).length;
      const [median, slowest] = [times[times.length >> 1]!, times.at(-1)!];
      table.push(
        `| ${name} | ${count("direct")} | ${count("relay")} | ${count("none")} | ` +
          `${median.toFixed(0)} | ${slowest.toFixed(0)} |`,
      );
      assert.equal(count("none"), 0, "every try connects");
      if (expected === "direct") assert.equal(count("relay"), 0, "no need for a relay");
    },
  });
}

const kindPairs = NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => [a, b] as const));
for (const [a, b] of kindPairs) {
  const expected = natMatrix.expectedPath[`${a} x ${b}`] as "direct" | "relay";
  matrixTest(`${a} x ${b}`, [{ name: "a", nat: a }, { name: "b", nat: b }], expected);
}

for (const [a, b] of [["moderate", "strict"], ["strict", "moderate"]] as const) {
  Deno.test({
    name: `matrix: ${a} x ${b}: relayed, then direct within ${UPGRADE_MS / 1000} s`,
    fn: async () => {
      let upgraded = 0;
      for (let i = 0; i < TRIES; i++) {
        const sites = [{ name: "a", nat: a }, { name: "b", nat: b }];
        await using lab = await NatLab.create({ sites, wan: { turn: true } });
        const call = await Call.start(lab, lab.site("a"), lab.site("b"));
        await bounded(lab, call.echo(), CALL_MS);
        const direct = () => call.path?.relayed === false;
        await eventually("the path is direct", direct, UPGRADE_MS).then(() => upgraded++, () => {});
      }
      console.log(`${a} x ${b}: ${upgraded} of ${TRIES} direct within ${UPGRADE_MS / 1000} s`);
      assert.ok(upgraded >= UPGRADED_SHARE * TRIES, `${upgraded} of ${TRIES}`);
    },
  });
}

const strict: RouterPlan = { nat: "strict" };
for (
  const [name, mapping] of [
    ["UPnP", { natPmp: false }],
    ["NAT-PMP and PCP", { upnp: false }],
  ] as const
) {
  for (const nat of ["moderate", "strict"] as const) {
    const mapped: RouterPlan = { nat, mapping };
    for (
      const [pair, a, b] of [["x strict", mapped, strict], ["called", strict, mapped]] as const
    ) {
      const sites = [{ name: "a", ...a }, { name: "b", ...b }];
      // The router may take longer than the call, which begins relayed then.
      matrixTest(`${nat} with ${name} ${pair}`, sites, "direct", { upgrade: true });
    }
  }
}

const carrier: RouterPlan = { nat: "moderate", carrier: "moderate" };
matrixTest(
  "CGNAT on both sides",
  [{ name: "a", ...carrier }, { name: "b", ...carrier }],
  "direct",
);
matrixTest(
  "two machines behind one strict NAT",
  [{ name: "a", ...strict }, { name: "b", sameLanAs: "a" }],
  "direct",
);
for (const reverse of [false, true]) {
  const pair: [string, string] = reverse ? ["b", "a"] : ["a", "b"];
  matrixTest(
    `IPv6 only ${reverse ? "called by" : "calls"} dual stack`,
    [{ name: "a", nat: "moderate", families: [6] }, { name: "b", nat: "strict", families: [4, 6] }],
    "direct",
    { pair },
  );
  for (const outbound of ["no-udp", "tcp-443"] as const) {
    matrixTest(
      `${outbound} ${reverse ? "called by" : "calls"} moderate`,
      [{ name: "a", nat: "moderate", outbound }, { name: "b", nat: "moderate" }],
      "relay",
      { pair },
    );
  }
}

globalThis.addEventListener("unload", () => {
  const head = [
    "| networks | direct | relayed | failed | median ms | slowest ms |",
    "|---|---|---|---|---|---|",
  ];
  if (table.length > 0) console.log([`${TRIES} tries each`, "", ...head, ...table].join("\n"));
});
