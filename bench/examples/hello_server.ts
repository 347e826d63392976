/**
 * Greets whoever calls: `deno run -A bench/examples/hello_server.ts [--local]`.
 *
 * @module
 */
import type { IncomingChannel } from "@dhtnet/dhtnet";
import { startDevice } from "./device.ts";

await using device = await startDevice("hello-server");
const callers = device.incoming();
await device.listen();
console.log(device.id);

for await (const caller of callers) {
  if (caller.name !== "hello") {
    caller.decline(256, "I only say hello");
    continue;
  }
  // Who hangs up early ends his own call only.
  greet(caller).catch((error) => console.error(`${caller.peer.id}: ${error.message}`));
}

async function greet(caller: IncomingChannel): Promise<void> {
  await using channel = caller.accept();
  await channel.write(new TextEncoder().encode(`hello, ${caller.peer.id}\n`));
}
