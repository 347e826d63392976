/** One DHT node on a port of loopback, until it is stopped. @module */
import { DhtService } from "../../lib/endpoint/dht_service.ts";

await DhtService.start({ interfaces: ["lo"], port: Number(Deno.args[1]), discovery: false });
await new Promise(() => setInterval(() => {}, 2 ** 30));
