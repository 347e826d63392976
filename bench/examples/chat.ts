/**
 * Two people type lines to each other: `deno run -A bench/examples/chat.ts [--local]` shows an id
 * and waits, `deno run -A bench/examples/chat.ts ID [--local]` calls it.
 *
 * @module
 */
import type { Channel, Endpoint } from "@dhtnet/dhtnet";
import { startDevice, words } from "./device.ts";

await using device = await startDevice(words.length > 0 ? "caller" : "called");
const channel = words.length > 0
  ? await device.connect(words[0]!, "chat")
  : await firstCaller(device);
const typing = Deno.stdin.readable.pipeTo(channel.writable);
await channel.readable.pipeTo(Deno.stdout.writable, { preventClose: true });
await typing;

async function firstCaller(device: Endpoint): Promise<Channel> {
  const callers = device.accept("chat");
  await device.listen();
  console.error(`my id: ${device.id}`);
  for await (const channel of callers) return channel;
  throw new Error("nobody called");
}
