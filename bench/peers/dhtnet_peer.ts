// dhtnet in the roles of the benchmark: `testnet`, `server`, `client`, `once`; loopback only.
import { Endpoint } from "../../mod.ts";
import { createIdentity } from "../identity.ts";
import { measure, openEcho, serve } from "../workload.ts";

const TESTNET_SIZE = 5;
const [role, transport = "auto", bootstrap = "", peer = "", bulkBytes, warmDials, echoes] =
  Deno.args;

const start = async (first: string[], more: { dhtClient?: false } = {}) =>
  await Endpoint.start({
    identity: await createIdentity(),
    bootstrap: first,
    discovery: false,
    interfaces: ["lo"],
    transport: transport as "auto" | "tcp" | "quic",
    ...more,
  });
const print = (value: unknown) => console.log(JSON.stringify(value));

if (role === "testnet") {
  const node = { dhtClient: false } as const;
  const first = await start([], node);
  const address = `127.0.0.1:${first.status().dht.port}`;
  for (let i = 1; i < TESTNET_SIZE; i++) await start([address], node);
  print({ bootstrap: address });
} else if (role === "server") {
  const endpoint = await start([bootstrap]);
  const channels = endpoint.accept("bench");
  await endpoint.listen();
  print({ id: endpoint.id });
  for await (const channel of channels) serve(channel);
} else {
  const endpoint = await start([bootstrap]);
  const dial = () => endpoint.connect(peer, "bench");
  if (role === "client") {
    const hangUp = async () => await endpoint.disconnect(peer);
    print(
      await measure(dial, hangUp, {
        bulkBytes: Number(bulkBytes),
        warmDials: Number(warmDials),
        echoes: Number(echoes),
      }),
    );
  } else {
    await openEcho(dial);
    print({ ok: true });
  }
  await endpoint.close();
  Deno.exit(0);
}
