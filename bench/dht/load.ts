/**
 * Starts a DHT node by the command line given, and asks it much; prints a {@link Load}. A node takes 200
 * queries a second from one address (dhtnode), so there are many askers, each with an address.
 *
 * @module
 */
import { decodePacket, encodePacket, type QueryPacket } from "../../lib/dht/mod.ts";
import { DhtService } from "../../lib/endpoint/dht_service.ts";

/** What a node did with the queries of one kind. */
export interface Answers {
  /** How many it answered. */
  readonly count: number;
  /** Processor time for all, ms. */
  readonly cpuMs: number;
}

/** What a node did with its queries. */
export interface Load {
  /** How many of each kind it was asked. */
  readonly queries: number;
  readonly put: Answers;
  readonly find: Answers;
  readonly get: Answers;
  /** Growth of its resident memory by the puts. */
  readonly storedBytes: number;
}

const PORT = 4300;
const ASKERS = 16;
const QUERIES = 10_000;
/** Below dhtnode's 1,600 a second in all. */
const PER_SECOND = 1_280;
const VALUE_BYTES = 100;
/** Nodes that fill the routing table. */
const NEIGHBOURS = 24;
const START_MS = 2_000;
/** The last answer has come by then. */
const LATE_MS = 500;
/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

const node = new Deno.Command(Deno.args[0]!, {
  args: [...Deno.args.slice(1), "-p", String(PORT)],
  stdin: "piped",
  stdout: "null",
  stderr: "null",
}).spawn();
await sleep(START_MS);
const neighbours = [];
for (let i = 0; i < NEIGHBOURS; i++) {
  neighbours.push(
    await DhtService.start({
      interfaces: ["lo"],
      bootstrap: [`127.0.0.1:${PORT}`],
      discovery: false,
    }),
  );
}
await sleep(START_MS);

let answered = 0;
const tokens = new Map<number, Uint8Array>();
const askers = Array.from({ length: ASKERS }, (_, index) => {
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname: `127.0.1.${index + 1}`,
    port: 0,
  });
  const id = crypto.getRandomValues(new Uint8Array(20));
  (async () => {
    for await (const [bytes] of conn) {
      const packet = decodePacket(bytes);
      if (packet.kind !== "reply") continue;
      answered++;
      if (packet.token !== undefined) tokens.set(index, packet.token.slice());
    }
  })();
  return (question: Partial<QueryPacket> & Pick<QueryPacket, "name">, tid: number) =>
    conn.send(encodePacket({ kind: "query", id, tid, client: true, ...question }), {
      transport: "udp",
      hostname: "127.0.0.1",
      port: PORT,
    });
});

const keys = Array.from(
  { length: QUERIES },
  () => crypto.getRandomValues(new Uint8Array(20)),
);
for (const [i, ask] of askers.entries()) await ask({ name: "find", key: keys[i]! }, i);
await sleep(LATE_MS);

const find = await run(() => ({
  name: "find",
  key: crypto.getRandomValues(new Uint8Array(20)),
  want: [2],
}));
// What the heap of a runtime has grown to by now is not what values take.
const before = residentBytes();
const put = await run((i) => ({
  name: "put",
  key: keys[i]!,
  token: tokens.get(i % ASKERS)!,
  values: [{ id: BigInt(i + 1), type: 0, data: new Uint8Array(VALUE_BYTES).fill(i) }],
}));
const storedBytes = residentBytes() - before;
const get = await run((i) => ({ name: "get", key: keys[i]!, want: [2] }));

const load: Load = {
  queries: QUERIES,
  put,
  find,
  get,
  storedBytes,
};
console.log(JSON.stringify(load));
node.kill("SIGKILL");
Deno.exit(0);

/** Asks all questions at an even pace. */
async function run(
  question: (index: number) => Partial<QueryPacket> & Pick<QueryPacket, "name">,
): Promise<Answers> {
  answered = 0;
  const begin = cpuMs(), start = performance.now();
  for (let i = 0; i < QUERIES; i++) {
    const ahead = start + i * 1000 / PER_SECOND - performance.now();
    if (ahead > 5) await sleep(ahead);
    await askers[i % ASKERS]!(question(i), i);
  }
  await sleep(LATE_MS);
  return { count: answered, cpuMs: cpuMs() - begin };
}

function cpuMs(): number {
  const stat = Deno.readTextFileSync(`/proc/${node.pid}/stat`);
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * TICK_MS;
}

function residentBytes(): number {
  const status = Deno.readTextFileSync(`/proc/${node.pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
