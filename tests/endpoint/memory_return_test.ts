import assert from "node:assert/strict";
import { MemoryReturn } from "../../lib/endpoint/memory_return.ts";
import { SimulatedClock } from "../support/simulated_clock.ts";
import { clockOf } from "../support/simulated_gathering.ts";

Deno.test("memory is given back once connections were set up, and not more often than every 30 s", () => {
  const clock = new SimulatedClock();
  const pass = (ms: number) => clock.run(clock.now + ms);
  let times = 0, wasQuiet = true;
  const memory = new MemoryReturn(clockOf(clock), (isQuiet) => {
    times++;
    wasQuiet = isQuiet;
    return Promise.resolve();
  });
  pass(100_000);
  assert.equal(times, 0, "nothing to give back yet");
  memory.note();
  pass(29_000);
  assert.equal(times, 0);
  memory.note();
  pass(1_000);
  assert.deepEqual([times, wasQuiet], [1, false]);
  pass(30_000);
  assert.deepEqual([times, wasQuiet], [2, true], "what came just before has left something, too");
  pass(100_000);
  assert.equal(times, 2, "nothing happened since");
  memory.note();
  memory.close();
  memory.note();
  pass(100_000);
  assert.equal(times, 2, "closed");
});
