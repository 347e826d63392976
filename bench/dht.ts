/**
 * The DHT: a simulated network of many nodes, and what one node costs beside OpenDHT's `dhtnode`:
 * `deno run -A bench/dht.ts [NODES, default 10000]`. The second part needs root and Debian's dhtnode: it
 * runs in a network namespace of its own.
 *
 * @module
 */
import { numberArguments } from "./arguments.ts";
import { compareNodes } from "./dht/nodes.ts";
import { simulate } from "./dht/simulation.ts";

const usage = "deno run -A bench/dht.ts [NODES, at least 100, default 10000]";
const [size] = numberArguments(usage, [{ default: 10_000, least: 100 }]);
await compareNodes();
simulate(size);
