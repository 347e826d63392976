import assert from "node:assert/strict";
import { NetworkWatch } from "../../lib/endpoint/network_watch.ts";
import type { Clock } from "../../lib/net/mod.ts";

/** A clock of which the test decides when its timers fire. */
function handClock(): { clock: Clock; fire: () => void; armed: () => boolean } {
  let callback: (() => void) | undefined;
  const clock: Clock = {
    now: () => 0,
    wallClock: () => 0,
    setTimer: (_at, call) => {
      callback = call;
      return { cancel: () => callback = undefined };
    },
  };
  const fire = () => {
    const call = callback;
    callback = undefined;
    call?.();
  };
  return { clock, fire, armed: () => callback !== undefined };
}

Deno.test("a machine that has slept is noticed, one that was only busy is not", () => {
  const { clock, fire, armed } = handClock();
  let wall = 0, changes = 0;
  const watch = new NetworkWatch({
    clock,
    wallClock: () => wall,
    interfaces: ["lo"],
    onChange: (ips) => {
      assert.ok(ips.has("127.0.0.1"));
      changes++;
    },
  });
  wall += 5_000;
  fire();
  assert.equal(changes, 0);
  wall += 60_000;
  fire();
  assert.equal(changes, 1);
  wall += 1_000;
  fire();
  assert.equal(changes, 1);
  watch.close();
  assert.equal(armed(), false);
});
