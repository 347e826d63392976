/**
 * Either end of `bench/sessions.ts`: `listener` answers every channel with what it gets, `diallers`
 * are many devices in one process, each with one session.
 *
 * @module
 */
import { Endpoint } from "../../mod.ts";
import { createAuthority, createDevice } from "../../lib/identity/mod.ts";
import { createIdentity } from "../identity.ts";

const HERE = { interfaces: ["lo"], discovery: false, portMapping: false } as const;
const [role, ...args] = Deno.args;

if (role === "listener") await listen();
else await dial(args[0]!, args[1]!, Number(args[2]));

async function listen(): Promise<void> {
  const endpoint = await Endpoint.start({ ...HERE, identity: await createIdentity() });
  const channels = endpoint.accept("echo");
  await endpoint.listen();
  console.log(JSON.stringify({ id: endpoint.id, port: endpoint.status().dht.port }));
  for await (const channel of channels) channel.readable.pipeTo(channel.writable).catch(() => {});
}

/** Opens sessions one after the other, keeps them, and tells how many there are. */
async function dial(id: string, bootstrap: string, count: number): Promise<void> {
  const authority = await createAuthority("bench");
  const endpoints: Endpoint[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const identity = await createDevice(`device ${i}`, authority);
    const endpoint = await Endpoint.start({
      ...HERE,
      identity,
      bootstrap: [bootstrap],
      transport: "tcp",
    });
    const channel = await endpoint.connect(id, "echo", { timeoutMs: 60_000 });
    await channel.write(new Uint8Array([i]));
    const echo = await channel.read(new Uint8Array(1));
    if (echo !== 1) throw new Error("no echo");
    await channel.closeWrite();
    endpoints.push(endpoint);
  }
  console.log(JSON.stringify({ sessions: endpoints.length, elapsedMs: performance.now() - start }));
  await new Promise(() => setInterval(() => {}, 2 ** 30));
}
