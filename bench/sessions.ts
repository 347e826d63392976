/**
 * How many sessions one listening process holds, and what each costs: `deno run -A
 * bench/sessions.ts [SESSIONS]`. Every session is a device of its own that dials, echoes, and stays.
 *
 * @module
 */
import { PeerProcess } from "./process.ts";

/** Devices in one dialling process: each has sockets and a DHT node of its own. */
const DEVICES_PER_PROCESS = 250;
/** Dialling processes at work at once. */
const PROCESSES_AT_ONCE = 2;
const TIMEOUT_MS = 600_000;

const wanted = Number(Deno.args[0] ?? 2000);
if (!(Number.isInteger(wanted) && wanted > 0)) {
  console.error("usage: deno run -A bench/sessions.ts [SESSIONS, default 2000]");
  Deno.exit(2);
}
const peer = (...args: string[]) => [
  Deno.execPath(),
  ...["run", "-A", "--unstable-net", "--no-check"],
  new URL("peers/many_sessions_peer.ts", import.meta.url).pathname,
  ...args,
];

await using listener = new PeerProcess(peer("listener"));
const { id, port } = await listener.answer<{ id: string; port: number }>();
await using diallers = new AsyncDisposableStack();
const dial = async (count: number) => {
  const process = diallers.use(
    new PeerProcess(peer("diallers", id, `127.0.0.1:${port}`, `${count}`)),
  );
  return (await process.answer<{ sessions: number }>(TIMEOUT_MS)).sessions;
};
// What is there for the first session, code included, is not what the next one costs.
let sessions = await dial(Math.min(20, wanted));
const base = listener.residentMB();
const start = performance.now();
const warm = sessions;
while (sessions < wanted) {
  const batches = Array.from(
    { length: PROCESSES_AT_ONCE },
    (_, i) =>
      Math.max(0, Math.min(DEVICES_PER_PROCESS, wanted - sessions - i * DEVICES_PER_PROCESS)),
  ).filter((count) => count > 0);
  for (const count of await Promise.all(batches.map(dial))) sessions += count;
  console.log(
    `${sessions} sessions: ${(listener.residentMB()).toFixed(0)} MiB resident, ` +
      `${((listener.residentMB() - base) * 1024 / (sessions - warm)).toFixed(1)} KiB a session, ` +
      `${((sessions - warm) / (performance.now() - start) * 1000).toFixed(0)} sessions a second`,
  );
}
