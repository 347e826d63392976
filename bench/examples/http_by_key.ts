/**
 * A web service that is reached by its key: `deno run -A bench/examples/http_by_key.ts [--local]`
 * serves, `deno run -A bench/examples/http_by_key.ts ID PORT [--local]` brings it to a local port.
 *
 * @module
 */
import type { Channel } from "@dhtnet/dhtnet";
import { startDevice, words } from "./device.ts";

const [id, port] = words;
if (id === undefined) await serve();
else await bring(id, Number(port));

async function serve(): Promise<void> {
  const web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response(`you asked for ${new URL(request.url).pathname}\n`),
  );
  await using device = await startDevice("web-server");
  const visitors = device.accept("http");
  await device.listen();
  console.log(device.id);
  for await (const channel of visitors) {
    join(channel, await Deno.connect({ port: web.addr.port }));
  }
}

async function bring(id: string, port: number): Promise<void> {
  await using device = await startDevice("web-client");
  // One connection to the device for all; each visitor gets a channel.
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  console.log(`http://127.0.0.1:${listener.addr.port}/`);
  for await (const visitor of listener) {
    device.connect(id, "http").then((channel) => join(channel, visitor), (error) => {
      console.error(error.message);
      visitor.close();
    });
  }
}

/** Carries bytes both ways; whatever breaks ends this visit only. */
function join(channel: Channel, connection: Deno.TcpConn): void {
  channel.readable.pipeTo(connection.writable).catch(() => {});
  connection.readable.pipeTo(channel.writable).catch(() => {});
}
