/**
 * A DHT node of ours in a process of its own, on loopback: `own_node.ts PORT [BOOTSTRAP]`. It takes
 * commands on standard input:
 *
 * - `g KEY` prints the values under a key, one a line, then `got all`;
 * - `age SECONDS` lets its clock jump, so that what it stores grows old.
 *
 * @module
 */
import { hexToBytes } from "@noble/hashes/utils.js";
import { DhtService } from "../../lib/endpoint/dht_service.ts";
import { type Clock, systemClock, type Timer } from "../../lib/net/mod.ts";

const [port, ...bootstrap] = Deno.args;
/** Timers that are set, with what arms them anew. */
const timers = new Set<() => void>();
let ageMs = 0;
/** The system's clock, which can be put forward; timers then due fire. */
const clock: Clock = {
  now: () => systemClock.now() + ageMs,
  wallClock: () => systemClock.wallClock() + ageMs / 1000,
  setTimer(at, callback) {
    let timer: Timer | undefined;
    const arm = () => {
      timer?.cancel();
      timer = systemClock.setTimer(at - ageMs, () => {
        timers.delete(arm);
        callback();
      });
    };
    const cancel = () => {
      timers.delete(arm);
      timer?.cancel();
    };
    timers.add(arm);
    arm();
    return { cancel };
  },
};
const node = await DhtService.start({
  port: Number(port),
  interfaces: ["lo"],
  discovery: false,
  bootstrap,
  clock,
});
console.log("ready");

for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  for (const line of text.trim().split("\n")) {
    const [command, argument = ""] = line.split(" ");
    if (command === "age") {
      ageMs += Number(argument) * 1000;
      for (const arm of [...timers]) arm();
      console.log("aged");
    }
    if (command === "g") {
      const values = await node.get(hexToBytes(argument));
      for (const { data } of values) console.log(JSON.stringify(new TextDecoder().decode(data)));
      console.log("got all");
    }
  }
}
