/**
 * A box that files are dropped into: `deno run -A bench/examples/file_drop.ts FOLDER [--local]` opens
 * it, `deno run -A bench/examples/file_drop.ts ID FILE [--local]` drops a file.
 *
 * @module
 */
import { basename } from "node:path";
import type { IncomingChannel } from "@dhtnet/dhtnet";
import { startDevice, words } from "./device.ts";

const [place, file] = words as [string, string | undefined];
if (file === undefined) await openBox(place);
else await drop(place, file);

async function openBox(folder: string): Promise<void> {
  await using device = await startDevice("box");
  const drops = device.incoming();
  await device.listen();
  console.log(device.id);
  for await (const request of drops) {
    // Who hangs up early, or is slow, is in nobody else's way.
    take(request, folder).catch((error) => console.error(`${request.peer.id}: ${error.message}`));
  }
}

async function take(request: IncomingChannel, folder: string): Promise<void> {
  const wanted = request.name.startsWith("drop:") ? request.name.slice("drop:".length) : "";
  // Whoever is outside does not choose the folder, and replaces nothing.
  if (!/^[\w-][\w.-]*$/.test(wanted)) return request.decline(256, "a file needs a plain name");
  const path = `${folder}/${wanted}`;
  const file = await Deno.open(path, { write: true, createNew: true })
    .catch(() => request.decline(257, "there is such a file already"));
  if (!file) return;
  try {
    await using channel = request.accept();
    await channel.readable.pipeTo(file.writable);
    await channel.write(new TextEncoder().encode("thank you\n"));
  } catch (error) {
    // Half a file would keep the whole one out.
    await Deno.remove(path);
    throw error;
  }
  console.log(`${wanted} from ${request.peer.id}`);
}

async function drop(id: string, file: string): Promise<void> {
  await using device = await startDevice("dropper");
  const channel = await device.connect(id, `drop:${basename(file)}`);
  const { readable } = await Deno.open(file);
  await readable.pipeTo(channel.writable);
  console.log((await new Response(channel.readable).text()).trim());
}
