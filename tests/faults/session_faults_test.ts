import assert from "node:assert/strict";
import { forEachSeed } from "./seeds.ts";
import { type Fault, SessionSimulation } from "./session_simulation.ts";

/** What a session must bear without losing a byte. */
const BEARABLE: Fault[] = ["break", "break-one-side", "stall", "flip", "new-path", "clock-jump"];

/** Nothing is held any more for channels that are over. */
function assertNothingHeld(simulation: SessionSimulation): void {
  for (const { end, killed } of simulation.sides) {
    if (killed) continue;
    const { channels, reservedBytes, unacknowledgedBytes } = end.session.stats;
    assert.deepEqual({ channels, reservedBytes }, { channels: 0, reservedBytes: 0 });
    if (!end.session.isClosed) assert.equal(unacknowledgedBytes, 0);
  }
}

Deno.test("faults: whatever happens to the paths, every byte arrives once and in order", async () => {
  let pipes = 0, early = 0, bytes = 0;
  await forEachSeed(40, async (seed) => {
    const simulation = new SessionSimulation(seed, BEARABLE);
    await simulation.run();
    for (const { name, writer, reader } of simulation.transfers) {
      assert.deepEqual({ name, writer, reader }, { name, writer: "complete", reader: "complete" });
    }
    await simulation.rest(30_000);
    assertNothingHeld(simulation);
    pipes += simulation.pipes;
    early += simulation.early;
    bytes += simulation.transfers.reduce((sum, { received }) => sum + received, 0);
  });

  assert.ok(bytes > 0);
  if (Deno.env.get("FAULT_SEED") === undefined) assert.ok(early > 5 && pipes > early);
});

Deno.test("faults: a side that dies or sleeps too long: all arrives, or the channel fails on both sides", async () => {
  let complete = 0, failed = 0;
  await forEachSeed(40, async (seed) => {
    const simulation = new SessionSimulation(seed, [...BEARABLE, "long-jump", "kill"]);
    const killed = () => simulation.sides.some((side) => side.killed);
    await Promise.race([
      simulation.run(),
      // Who was killed answers no promise any more; its peer must not wait for ever.
      (async () => {
        while (!killed() || !simulation.sides.some(({ end }) => end.session.isClosed)) {
          await new Promise((resolve) => setImmediate(resolve));
          if (simulation.now > 390_000 || simulation.transfers.every(({ over }) => over)) break;
        }
      })(),
    ]);
    for (const { name, writer, reader } of simulation.transfers) {
      if (killed()) continue;
      assert.notEqual(writer, "running", `${name}: the writer hangs`);
      assert.notEqual(reader, "running", `${name}: the reader hangs`);
      // The writer's last word may be lost with the session after all has arrived: then it alone fails.
      if (writer === "complete") assert.equal(reader, "complete", name);
      if (reader === "failed") assert.equal(writer, "failed", name);
      if (writer === "complete") complete++;
      else failed++;
    }
    if (killed()) failed++;
    await simulation.rest(200_000);
    assertNothingHeld(simulation);
  });

  if (Deno.env.get("FAULT_SEED") === undefined) assert.ok(complete > 0 && failed > 0);
});
