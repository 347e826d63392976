import { fileURLToPath } from "node:url";
import { PeerProcess, timeCommand } from "./process.ts";
import type { Amounts, Figures } from "./workload.ts";

/** One row of the comparison. */
export interface Result {
  name: string;
  figures: Figures;
  /** Process start to first echoed byte, ms, one per start. */
  coldMs: number[];
  /** Resident memory of the server after everything, MiB. */
  serverMB: number;
}

const COLD_STARTS = 5;
const HYPERDHT = "hyperdht@6.34.0";
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const deno = (script: string, ...args: string[]) => [
  Deno.execPath(),
  "run",
  "-A",
  "--unstable-net",
  "--no-check",
  here(script),
  ...args,
];
const amountArgs = (amounts: Amounts) =>
  [amounts.bulkBytes, amounts.warmDials, amounts.echoes].map(String);

/** Runs a client to its result, then cold starts, against a server that is up. */
async function compare(
  name: string,
  server: PeerProcess,
  client: string[],
  once: string[],
  env: Record<string, string> = {},
): Promise<Result> {
  await using running = new PeerProcess(client, env);
  const figures = await running.answer<Figures>();
  const coldMs: number[] = [];
  for (let i = 0; i < COLD_STARTS; i++) coldMs.push(await timeCommand(once, env));
  return { name, figures, coldMs, serverMB: server.residentMB() };
}

/** Plain TCP in Deno. */
export async function plainTcp(amounts: Amounts): Promise<Result> {
  const peer = "./peers/tcp_peer.ts";
  await using server = new PeerProcess(deno(peer, "server"));
  const { port } = await server.answer<{ port: number }>();
  const client = deno(peer, "client", String(port), ...amountArgs(amounts));
  return await compare("plain TCP (no encryption)", server, client, deno(peer, "once", `${port}`));
}

/** dhtnet over its own DHT of five nodes. */
export async function dhtnet(transport: "tcp" | "quic", amounts: Amounts): Promise<Result> {
  const peer = "./peers/dhtnet_peer.ts";
  await using testnet = new PeerProcess(deno(peer, "testnet"));
  const { bootstrap } = await testnet.answer<{ bootstrap: string }>();
  await using server = new PeerProcess(deno(peer, "server", transport, bootstrap));
  const { id } = await server.answer<{ id: string }>();
  const args = [transport, bootstrap, id];
  return await compare(
    `dhtnet, ${transport.toUpperCase()} path`,
    server,
    deno(peer, "client", ...args, ...amountArgs(amounts)),
    deno(peer, "once", ...args),
  );
}

/** hyperdht under Node, over its own DHT of five nodes. Installs it from npm into `directory`. */
export async function hyperdht(directory: string, amounts: Amounts): Promise<Result> {
  await new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, HYPERDHT],
    stdout: "null",
  }).output();
  const peer = here("./peers/hyperdht_peer.mjs");
  const env = { HYPERDHT_DIR: directory, NODE_NO_WARNINGS: "1" };
  await using testnet = new PeerProcess(["node", peer, "testnet"], env);
  const { port } = await testnet.answer<{ port: number }>();
  await using server = new PeerProcess(["node", peer, "server", String(port)], env);
  const { key } = await server.answer<{ key: string }>();
  return await compare(
    "hyperdht 6.34 (Node)",
    server,
    ["node", peer, "client", String(port), key, ...amountArgs(amounts)],
    ["node", peer, "once", String(port), key],
    env,
  );
}
