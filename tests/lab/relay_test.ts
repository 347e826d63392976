/** Calls that only a relay can carry, and what becomes of them. */
import assert from "node:assert/strict";
import { eventually } from "./command.ts";
import { Call } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import type { SitePlan } from "./nat/site.ts";
import { transfer } from "./nat/transfer.ts";

const MIB = 1024 * 1024;
/** Longest time for a relayed call to find out that a direct path is possible now. */
const UPGRADE_MS = 30_000;
const TIMEOUT_MS = 120_000;

const STRICT_BOTH: readonly SitePlan[] = [
  { name: "a", nat: "strict" },
  { name: "b", nat: "strict" },
];

natLabTest(
  "coturn is restarted in the middle of a relayed transfer of 256 MiB",
  { sites: STRICT_BOTH, wan: { turn: true } },
  async (lab) => {
    const call = await Call.start(lab, lab.site("a"), lab.site("b"));
    const { seconds, longestGapMs } = await transfer(call, {
      bytes: 256 * MIB,
      disturbance: {
        afterBytes: 64 * MIB,
        happen: async () => {
          await lab.stopTurn();
          await lab.startTurn();
        },
      },
    });
    assert.equal(call.path?.relayed, true);
    console.log(
      `coturn restarted: 256 MiB in ${seconds.toFixed(1)} s, ` +
        `${longestGapMs.toFixed(0)} ms without a byte`,
    );
  },
  { timeoutMs: TIMEOUT_MS },
);

natLabTest(
  "64 MiB over a relay with 80 ms delay and 5 % loss",
  // from site to relay and from relay to site: a packet crosses the core twice
  { sites: STRICT_BOTH, wan: { turn: true, delayMs: 40, lossPercent: 2.5 } },
  async (lab) => {
    const call = await Call.start(lab, lab.site("a"), lab.site("b"));
    const { seconds } = await transfer(call, { bytes: 64 * MIB });
    console.log(`80 ms and 5 % loss: 64 MiB in ${seconds.toFixed(1)} s`);
  },
  { timeoutMs: 300_000 },
);

for (const forgets of [false, true]) {
  natLabTest(
    `a relayed call moves to a direct path when a NAT opens${forgets ? " and forgets" : ""}`,
    { sites: STRICT_BOTH, wan: { turn: true } },
    async (lab) => {
      const call = await Call.start(lab, lab.site("a"), lab.site("b"));
      await call.echo();
      assert.equal(call.path?.relayed, true);
      await lab.setNat("a", "open");
      if (forgets) await lab.forgetMappings("a");
      const begin = performance.now();
      await eventually("the path is direct", () => call.path?.relayed === false, UPGRADE_MS);
      console.log(
        `direct ${((performance.now() - begin) / 1000).toFixed(1)} s after the NAT opened`,
      );
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

natLabTest(
  "the relay sees no plaintext, no id and no certificate",
  { sites: STRICT_BOTH, wan: { turn: true } },
  async (lab) => {
    await using capture = await lab.capture("turn");
    const call = await Call.start(lab, lab.site("a"), lab.site("b"));
    await call.echo();
    assert.equal(call.path?.relayed, true);
    const packets = await capture.stop();
    const ids = [...lab.log.matchAll(/\b[0-9a-f]{64}\b/g)].map(([id]) => id);
    assert.equal(new Set(ids).size, 2, "both ids are known");
    const texts = ["hello", "dhtnet device", "dhtnet CA", ...ids];
    const secrets = [
      ...texts.map((text) => new TextEncoder().encode(text)),
      ...ids.map((id) => Uint8Array.fromHex(id)),
    ];
    const traffic = packets.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.ok(traffic > 2_000, `${traffic} bytes`);
    for (const { bytes } of packets) {
      const packet = latin1(bytes);
      for (const secret of secrets) assert.ok(!packet.includes(latin1(secret)), latin1(secret));
    }
  },
  { timeoutMs: TIMEOUT_MS },
);

/** One character for each byte, to search in. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
