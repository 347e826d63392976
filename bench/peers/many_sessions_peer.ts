/**
 * The processes of `bench/sessions.ts`: `listener` answers every channel with what it gets, or swallows
 * it, as `workload.ts` says; `diallers` are many devices in one process, each with one session that
 * stays; `client` runs the workload over one session of its own.
 *
 * @module
 */
import { Endpoint } from "../../mod.ts";
import { createAuthority, createDevice, type Identity } from "../../lib/identity/mod.ts";
import { createIdentity } from "../identity.ts";
import { measure, serve } from "../workload.ts";

const [role, bootstrap = "", listener = "", ...amounts] = Deno.args;
const CHANNEL = "bench";
const CONNECT_TIMEOUT_MS = 60_000;

const start = (identity: Identity) =>
  Endpoint.start({
    identity,
    bootstrap: [bootstrap],
    interfaces: ["lo"],
    discovery: false,
    portMapping: false,
    transport: "tcp",
  });
const print = (value: unknown) => console.log(JSON.stringify(value));

if (role === "listener") await listen();
else if (role === "client") await work(Number(amounts[0]), Number(amounts[1]));
else await dial(Number(amounts[0]));

async function listen(): Promise<void> {
  const endpoint = await start(await createIdentity());
  const channels = endpoint.accept(CHANNEL);
  await endpoint.listen();
  print({ id: endpoint.id });
  for await (const channel of channels) serve(channel);
}

/** Opens sessions one after the other, keeps them, and tells how many there are. */
async function dial(count: number): Promise<void> {
  const authority = await createAuthority("bench");
  const sessions: Endpoint[] = [];
  for (let i = 0; i < count; i++) {
    const endpoint = await start(await createDevice(`device ${i}`, authority));
    const channel = await endpoint.connect(listener, CHANNEL, { timeoutMs: CONNECT_TIMEOUT_MS });
    await channel.write(new TextEncoder().encode("E!"));
    if (await channel.read(new Uint8Array(1)) !== 1) throw new Error("no echo");
    await channel.closeWrite();
    sessions.push(endpoint);
  }
  print({ sessions: sessions.length });
  await new Promise(() => setInterval(() => {}, 2 ** 30));
}

async function work(bulkBytes: number, echoes: number): Promise<void> {
  const endpoint = await start(await createIdentity());
  const connect = () => endpoint.connect(listener, CHANNEL, { timeoutMs: CONNECT_TIMEOUT_MS });
  print(await measure(connect, () => {}, { bulkBytes, echoes, warmDials: 1 }));
  await endpoint.close();
  Deno.exit(0);
}
