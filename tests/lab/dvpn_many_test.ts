/**
 * One server and many clients, each a machine of its own: `DHTNET_LAB_CLIENTS` of them, 100 unless
 * said otherwise. A client is a process of some 100 MiB, half of which they share.
 */
import assert from "node:assert/strict";
import { Background } from "./command.ts";
import type { DvpnMachine } from "./dvpn_machine.ts";
import { dvpnSiteTest } from "./dvpn_site.ts";

const CLIENTS = Number(Deno.env.get("DHTNET_LAB_CLIENTS") ?? 100);
/** How many do something at the same time. */
const AT_ONCE = 4;
const TRANSFER_BYTES = 10_000_000;
const PORT = 9000;
/** Longest time for a client to connect, ms. */
const PATIENCE_MS = 40_000;
const ATTEMPTS = 3;
/** What a client may cost the server when it is idle, and when it is not, bytes. */
const MAX_IDLE_BYTES = 2 << 20;
const MAX_BUSY_BYTES = 6 << 20;

let retries = 0;

async function all<T>(
  clients: readonly DvpnMachine[],
  work: (client: DvpnMachine) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  const rest = clients.entries();
  const worker = async () => {
    for (const [index, client] of rest) results[index] = await work(client);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** Tries a few times: a hundred processes on few cores leave one another without time, now and then. */
async function insisting<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    try {
      return await work();
    } catch {
      retries++;
    }
  }
  return await work();
}

/** Memory of a process that no other has, now and at most, bytes. */
function memory(process: Background): { now: number; most: number } {
  const text = Deno.readTextFileSync(`/proc/${process.pid}/status`);
  const field = (name: string) => Number(RegExp(`${name}:\\s+(\\d+) kB`).exec(text)![1]) * 1024;
  return { now: field("RssAnon"), most: field("VmHWM") };
}

dvpnSiteTest(`${CLIENTS} clients on one server: each ping and 10 MB`, CLIENTS, async (site) => {
  const { server, clients } = site;
  const process = server.start("-l", "-a");
  const id = (await process.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const before = memory(process);
  let startedAt = performance.now();
  await all(clients, (client) =>
    insisting(async () => {
      await client.process?.[Symbol.asyncDispose]();
      await client.start(id).shows(/connected over/, PATIENCE_MS);
    }));
  const connectedMs = performance.now() - startedAt;
  const [ipv4, ipv6] = await server.addresses();
  const given = new Set((await server.status()).peers.flatMap(({ addresses }: {
    addresses: string[];
  }) => addresses));
  assert.equal(given.size, 2 * CLIENTS);
  for (const address of [ipv4, ipv6]) {
    const ping = ["ping", "-c", "2", "-i", "0.2", "-W", "5", address];
    await all(clients, (client) => insisting(() => client.run(...ping)));
  }
  const idle = memory(process);
  const count = `SYSTEM:head -c ${TRANSFER_BYTES} | wc -c`;
  await using sink = new Background(
    server.host.inside("socat", `TCP6-LISTEN:${PORT},fork,reuseaddr,backlog=128`, count),
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  startedAt = performance.now();
  const taken = await all(clients, (client) => {
    const dial = `socat -t 20 - TCP4:${ipv4}:${PORT},connect-timeout=10`;
    const send = `head -c ${TRANSFER_BYTES} /dev/zero | ${dial}`;
    return insisting(() => client.run("sh", "-c", send));
  });
  const transferredMs = performance.now() - startedAt;
  sink.kill("SIGTERM");
  assert.deepEqual(taken.map(Number), taken.map(() => TRANSFER_BYTES));
  const busy = memory(process);
  const { peers } = await server.status();
  assert.equal(peers.length, CLIENTS);
  for (const { drops } of peers) assert.equal(drops.malformed + drops.spoofed + drops.refused, 0);
  const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
  console.log(
    `${CLIENTS} clients: connected in ${(connectedMs / 1000).toFixed(1)} s, ` +
      `${
        (CLIENTS * TRANSFER_BYTES * 8 / transferredMs / 1e6).toFixed(2)
      } Gbit/s in all; the server ` +
      `has ${kib(before.now)} without clients, ${
        kib((idle.now - before.now) / CLIENTS)
      } more for ` +
      `each, ${kib((busy.now - before.now) / CLIENTS)} after the transfers, at most ` +
      `${kib(busy.most)} in memory; a client has ${kib(memory(clients[0]!.process!).now)}; ` +
      `${retries} attempts were in vain`,
  );
  assert.ok((idle.now - before.now) / CLIENTS < MAX_IDLE_BYTES, `${idle.now - before.now} bytes`);
  assert.ok((busy.now - before.now) / CLIENTS < MAX_BUSY_BYTES, `${busy.now - before.now} bytes`);
});
