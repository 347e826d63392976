/**
 * A DHT node of ours in a process of its own, on loopback: `own_node.ts PORT [BOOTSTRAP]`.
 *
 * @module
 */
import { DhtService } from "../../lib/endpoint/dht_service.ts";

const [port, ...bootstrap] = Deno.args;
const node = await DhtService.start({
  port: Number(port),
  interfaces: ["lo"],
  discovery: false,
  bootstrap,
});
Deno.addSignalListener("SIGTERM", async () => {
  await node.close();
  Deno.exit();
});
console.log("ready");
