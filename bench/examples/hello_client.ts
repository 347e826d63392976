/**
 * Calls a hello server by its key: `deno run -A bench/examples/hello_client.ts ID [--local]`.
 *
 * @module
 */
import { startDevice, words } from "./device.ts";

await using device = await startDevice("hello-client");
await using channel = await device.connect(words[0]!, "hello");
console.log((await new Response(channel.readable).text()).trim());
