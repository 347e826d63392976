/**
 * The DHT: a simulated network of many nodes, and what one node costs beside OpenDHT's `dhtnode`:
 * `deno run -A bench/dht.ts [NODES, default 10000]`. The second part needs root and Debian's dhtnode: it
 * runs in a network namespace of its own.
 *
 * @module
 */
import { compareNodes } from "./dht/nodes.ts";
import { simulate } from "./dht/simulation.ts";

const size = Number(Deno.args[0] ?? 10_000);
if (!(Number.isInteger(size) && size >= 100)) {
  console.error("usage: deno run -A bench/dht.ts [NODES, default 10000]");
  Deno.exit(2);
}
await compareNodes();
simulate(size);
