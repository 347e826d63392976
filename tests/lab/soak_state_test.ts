import assert from "node:assert/strict";
import { growth, type State } from "./soak_state.ts";

const USAGE = { memoryMiB: 150, descriptors: 62, sockets: 42, threads: 5 };
const STATE: State = {
  listener: USAGE,
  forwarder: USAGE,
  mappings: 4,
  files: ["/ca.crt"],
  fragileFiles: ["/ca.crt"],
  wakeUps: 80,
};
const withListener = (change: Partial<typeof USAGE>): State => ({
  ...STATE,
  listener: { ...USAGE, ...change },
});

Deno.test("soak: rest is no leak; a little for each fault or call of a round is one", () => {
  assert.deepEqual(growth(STATE, STATE), []);
  assert.deepEqual(growth(STATE, withListener({ memoryMiB: 165, descriptors: 68 })), []);
  // One of a hundred sessions; a megabyte with each.
  assert.match(growth(STATE, withListener({ descriptors: 162, sockets: 142 })).join(), /sockets/);
  assert.match(growth(STATE, withListener({ memoryMiB: 250 })).join(), /memory/);
  assert.match(growth(STATE, withListener({ threads: 20 })).join(), /threads/);
  assert.match(growth(STATE, { ...STATE, mappings: 8 }).join(), /mapped/);
  assert.match(growth(STATE, { ...STATE, files: ["/ca.crt", "/part"] }).join(), /files/);
  assert.match(growth(STATE, { ...STATE, wakeUps: 400 }).join(), /wake-ups/);
});
