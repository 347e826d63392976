/**
 * What a `ProxyCommand` and a server for it cost in Deno that only copy bytes: no cipher, no records, no
 * way to be found. A measure for tests, run as `bare_relay.ts call PORT` and
 * `bare_relay.ts serve PORT TARGET_PORT`, both on 127.0.0.1.
 * @module
 */
import { pump } from "../../cmd/peer/pump.ts";
import { STANDARD_STREAMS } from "../../cmd/peer/standard_streams.ts";

const hostname = "127.0.0.1";
const [role, ...ports] = Deno.args;
const [port, targetPort] = ports.map(Number);

if (role === "call") {
  const there = await connect(port!);
  const { input, output } = STANDARD_STREAMS;
  carry(input, there, () => there.closeWrite());
  await carry(there, output);
  Deno.exit();
}

const listener = Deno.listen({ hostname, port: port! });
console.log("ready");
for await (const here of listener) serve(here);

async function serve(here: Deno.TcpConn): Promise<void> {
  here.setNoDelay(true);
  const there = await connect(targetPort!);
  await Promise.all([
    carry(here, there, () => there.closeWrite()),
    carry(there, here, () => here.closeWrite()),
  ]);
  here.close();
  there.close();
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  return connection;
}

/** Until the end, or until one side has gone. */
async function carry(
  source: Parameters<typeof pump>[0],
  sink: Parameters<typeof pump>[1],
  atEnd = () => Promise.resolve(),
): Promise<void> {
  try {
    await pump(source, sink, () => {});
    await atEnd();
  } catch { // as when ssh has ended
  }
}
