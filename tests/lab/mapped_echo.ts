/**
 * Maps ports and echoes what arrives at them: `mapped_echo.ts {"protocols":["pcp"],"maps":["udp
 * 0.0.0.0 4222"],"lifetimeS":60}`. Says on standard output what becomes of the mappings. A line
 * `refresh` or `close` on standard input, or SIGTERM, does what it says.
 */
import { PortMapper } from "../../lib/endpoint/portmap/mod.ts";
import { bindUdp } from "../../lib/net/mod.ts";

const { protocols, maps, lifetimeS } = JSON.parse(Deno.args[0]!);
const start = performance.now();
const mapper = await PortMapper.start(protocols === undefined ? {} : { protocols });
const say = (text: string) =>
  console.log(`${text} after ${(performance.now() - start).toFixed(0)} ms`);
say("started");

const stops: (() => unknown)[] = [];
for (const text of maps as string[]) {
  const [transport, ip, port] = text.split(" ") as ["udp" | "tcp", string, string];
  if (transport === "udp") {
    const socket = await bindUdp({ ip, port: Number(port) });
    socket.onDatagram = (bytes, from) => socket.send(bytes, from);
    stops.push(() => socket.close());
  } else {
    const listener = Deno.listen({ hostname: ip, port: Number(port) });
    stops.push(() => listener.close());
    (async () => {
      for await (const connection of listener) {
        void connection.readable.pipeTo(connection.writable).catch(() => {});
      }
    })();
  }
  mapper.map({
    transport,
    internal: { ip, port: Number(port) },
    lifetimeS,
    onChange: (external) => {
      if (external === undefined) return say(`${transport} ${port} lost`);
      const { address, scope, protocol } = external;
      say(`${transport} ${port} = ${scope} ${address.ip} ${address.port} by ${protocol}`);
    },
  });
}

async function close(): Promise<void> {
  const began = performance.now();
  await mapper.close();
  console.log(`closed in ${(performance.now() - began).toFixed(0)} ms`);
  Deno.removeSignalListener("SIGTERM", terminate);
  for (const stop of stops) await stop();
}

async function terminate(): Promise<void> {
  await close();
  Deno.exit(0); // standard input would keep it
}
Deno.addSignalListener("SIGTERM", terminate);

for await (const lines of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  if (lines.includes("refresh")) await mapper.refresh();
  if (lines.includes("status")) console.log(JSON.stringify(mapper.status));
  if (lines.includes("close")) {
    await close();
    break;
  }
}
