/**
 * How many sessions one listening process holds, what each costs, and what a busy session notices of
 * the idle ones: `deno run -A bench/sessions.ts [SESSIONS] [MiB]`. Every session is a device of its
 * own that dials by way of a DHT, echoes, and stays.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { numberArguments } from "./arguments.ts";
import { PeerProcess } from "./process.ts";
import { median, printTable, quantile } from "./table.ts";
import type { Figures } from "./workload.ts";

/** Devices in one dialling process: each has sockets and a DHT node of its own. */
const DEVICES_PER_PROCESS = 200;
/** The listener's code is compiled and its young heap has grown by then. */
const WARM_SESSIONS = 100;
const TIMEOUT_MS = 600_000;
const ECHOES = 2000;
const IDLE_MS = 10_000;
/** The runtime has given back by then what setting up left behind: garbage, and room for more of it. */
const SETTLE_MS = 80_000;

const usage =
  `deno run -A bench/sessions.ts [SESSIONS, above ${WARM_SESSIONS}, default 2000] [MiB, default 128]`;
const [wanted, mebibytes] = numberArguments(usage, [
  { default: 2000, least: WARM_SESSIONS + 1 },
  { default: 128 },
]);
const deno = (script: string, ...args: string[]) => [
  Deno.execPath(),
  ...["run", "-A", "--unstable-net", "--no-check"],
  fileURLToPath(new URL(`peers/${script}`, import.meta.url)),
  ...args,
];
const peer = (...args: string[]) => deno("many_sessions_peer.ts", ...args);

await using testnet = new PeerProcess(deno("dhtnet_peer.ts", "testnet"));
const { bootstrap } = await testnet.answer<{ bootstrap: string }>();
await using listener = new PeerProcess(peer("listener", bootstrap));
const { id } = await listener.answer<{ id: string }>();

await using diallers = new AsyncDisposableStack();
let sessions = 0;
const dial = async (count: number) => {
  const process = diallers.use(new PeerProcess(peer("diallers", bootstrap, id, `${count}`)));
  sessions += (await process.answer<{ sessions: number }>(TIMEOUT_MS)).sessions;
};
const work = async () => {
  await using client = new PeerProcess(
    peer("client", bootstrap, id, `${mebibytes * 2 ** 20}`, `${ECHOES}`),
  );
  const { echoUs, bulkMBps } = await client.answer<Figures>();
  return [
    `${sessions}`,
    median(echoUs).toFixed(0),
    quantile(echoUs, 0.99).toFixed(0),
    bulkMBps.toFixed(0),
  ];
};

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const alone = await work();
await dial(WARM_SESSIONS);
await wait(SETTLE_MS);
const base = listener.residentMB(), cpuBefore = listener.cpuMs();
console.log(`${sessions} idle sessions: ${base.toFixed(0)} MiB resident`);
const each = () =>
  `${((listener.residentMB() - base) * 1024 / (sessions - WARM_SESSIONS)).toFixed(1)} KiB`;
while (sessions < wanted) {
  await dial(Math.min(DEVICES_PER_PROCESS, wanted - sessions));
  const cpuMs = (listener.cpuMs() - cpuBefore) / (sessions - WARM_SESSIONS);
  console.log(
    `${sessions} sessions: ${listener.residentMB().toFixed(0)} MiB resident, ` +
      `${each()} for each, garbage of setting up included; ` +
      `${cpuMs.toFixed(1)} ms of processor to accept one, ` +
      `${(1000 / cpuMs).toFixed(0)} a second on a core`,
  );
}
await wait(SETTLE_MS);
console.log(`idle since: ${listener.residentMB().toFixed(0)} MiB resident, ${each()} a session`);
const before = listener.cpuMs();
await wait(IDLE_MS);
const idleShare = (listener.cpuMs() - before) / IDLE_MS;
console.log(`${sessions} idle sessions take ${(100 * idleShare).toFixed(1)} % of a core`);
printTable(["idle sessions", "echo µs", "p99", "bulk MB/s"], [alone, await work()]);
