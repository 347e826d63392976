/**
 * A box that files are dropped into: `deno run -A bench/examples/file_drop.ts FOLDER [--local]` opens
 * it, `deno run -A bench/examples/file_drop.ts ID FILE [--local]` drops a file.
 *
 * @module
 */
import { basename } from "node:path";
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
    const wanted = request.name.startsWith("drop:") ? request.name.slice("drop:".length) : "";
    // Whoever is outside does not choose the folder, and replaces nothing.
    if (!/^[\w-][\w.-]*$/.test(wanted)) request.decline(256, "a file needs a plain name");
    else {
      const target = await Deno.open(`${folder}/${wanted}`, { write: true, createNew: true })
        .catch(() => request.decline(257, "there is such a file already"));
      if (!target) continue;
      const channel = request.accept();
      await channel.readable.pipeTo(target.writable);
      await channel.write(new TextEncoder().encode("thank you\n"));
      channel.close();
      console.log(`${wanted} from ${request.peer.id}`);
    }
  }
}

async function drop(id: string, file: string): Promise<void> {
  await using device = await startDevice("dropper");
  const channel = await device.connect(id, `drop:${basename(file)}`);
  const { readable } = await Deno.open(file);
  await readable.pipeTo(channel.writable);
  console.log((await new Response(channel.readable).text()).trim());
}
