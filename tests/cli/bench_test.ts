import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { perSecond } from "../../bench/dht/nodes.ts";
import { transferRate } from "../../bench/dsh/measures.ts";
import { measure, openEcho, type Stream } from "../../bench/workload.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** A bench that has not ended by then has begun. */
const TIMEOUT_MS = 15_000;

const MISUSES = [
  ["main.ts", "1.1"],
  ["main.ts", "0"],
  ["main.ts", "64", "64"],
  ["channels.ts", "10.5"],
  ["channels.ts", "65536"],
  ["channels.ts", "10", "udp"],
  ["dht.ts", "99"],
  ["dsh.ts", "1.5"],
  ["dvpn.ts", "three"],
  ["dvpn.ts", "3", "-1"],
  ["dvpn_idle.ts", "0"],
  ["dvpn_lossy.ts", "-1"],
  ["dvpn_lossy.ts", "25", "101"],
  ["sessions.ts", "100"],
  ["sessions.ts", "101", "0.5"],
] as const;

for (const [bench, ...words] of MISUSES) {
  Deno.test(`bench/${bench} ${words.join(" ")}: says what is expected, exit code 2`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--unstable-net", `${ROOT}bench/${bench}`, ...words],
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.match(said, /^usage: deno [^\n]+\n$/);
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [2, ""]);
  });
}

/** Takes everything, and answers so many bytes before its end. */
function ending(bytes: number): Stream {
  return {
    read(into) {
      const length = Math.min(into.length, bytes);
      bytes -= length;
      return Promise.resolve(length === 0 ? null : length);
    },
    write: (sent) => Promise.resolve(sent.length),
    close() {},
  };
}

Deno.test("bench: a connection that ends before its echo is no success", async () => {
  await assert.rejects(openEcho(() => Promise.resolve(ending(0))), /ended early/);
});

Deno.test("bench: a connection that ends within an echo or a transfer is no success", async () => {
  const figures = (...answers: number[]) =>
    measure(() => Promise.resolve(ending(answers.shift()!)), () => {}, {
      ...{ bulkBytes: 1, warmDials: 1, echoes: 2 },
    });
  const whole = [1, 1 + 2 * 64, 1];
  assert.equal((await figures(...whole)).echoUs.length, 2);
  for (const index of whole.keys()) {
    const short = whole.map((bytes, at) => at === index ? bytes - 1 : bytes);
    await assert.rejects(figures(...short), /ended early/, `the connection ${index}`);
  }
});

Deno.test("bench: a transfer's rate does not depend on how long its program takes to start", () => {
  assert.equal(transferRate(1000, [2.5, 2.75], [0.5, 2]), 500);
  assert.equal(transferRate(1000, [4, 3.75], [1.75, 3]), 500);
  assert.throws(() => transferRate(1, [0.5], [0.5]), /transfer more/);
});

Deno.test("bench: a DHT node that drops queries is no faster for it", () => {
  const cpuMs = 2_000;
  assert.equal(perSecond({ count: 10_000, cpuMs }), "5000");
  assert.equal(perSecond({ count: 1_000, cpuMs }), "500");
});
