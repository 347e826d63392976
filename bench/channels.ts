/**
 * How many channels one session carries at once, each echoing, and what each costs, both ends in one
 * process: `deno run -A bench/channels.ts [CHANNELS] [tcp | quic]`.
 *
 * @module
 */
import { type Channel, Endpoint } from "../mod.ts";
import { endWithUsage, numberArguments } from "./arguments.ts";
import { createIdentity } from "./identity.ts";
import { readSome } from "./workload.ts";

/** What a session bears (DEFAULT_SESSION_LIMITS). */
const MAX_CHANNELS = 65_535;
/** Opened together: a listener keeps as many that nobody has taken yet. */
const AT_ONCE = 128;
const MESSAGE_BYTES = 16;

const usage = `deno run -A bench/channels.ts [CHANNELS, at most ${MAX_CHANNELS}] [tcp|quic]`;
const [channelCount, transport = "tcp", ...more] = Deno.args;
if (!(transport === "tcp" || transport === "quic") || more.length > 0) endWithUsage(usage);
const limits = { default: MAX_CHANNELS, most: MAX_CHANNELS };
const [count] = numberArguments(usage, [limits], channelCount === undefined ? [] : [channelCount]);
const local = { interfaces: ["lo"], discovery: false, portMapping: false, transport } as const;
await using server = await Endpoint.start({ ...local, identity: await createIdentity() });
const bootstrap = [`127.0.0.1:${server.status().dht.port}`];
await using client = await Endpoint.start({
  ...local,
  identity: await createIdentity(),
  bootstrap,
});
const incoming = server.accept("echo");
await server.listen();
(async () => {
  for await (const channel of incoming) echo(channel).catch(() => {});
})();

const begin = performance.now(), before = Deno.memoryUsage().rss;
const channels: Channel[] = [];
while (channels.length < count) {
  const some = await Promise.all(
    Array.from(
      { length: Math.min(AT_ONCE, count - channels.length) },
      () => client.connect(server.id, "echo"),
    ),
  );
  await Promise.all(some.map(roundTrip));
  channels.push(...some);
}
const opened = performance.now();
await Promise.all(channels.map(roundTrip));
const echoed = performance.now();
const open = server.status().sessions.map(({ channels }) => channels);
const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1);
console.log(
  `${open.join(" + ")} channels open at once over ${transport}: opened in ` +
    `${seconds(begin, opened)} s, an echo on every one of them in ${seconds(opened, echoed)} s; ` +
    `${((Deno.memoryUsage().rss - before) / 1024 / count).toFixed(1)} KiB for both ends of one`,
);
await client.disconnect(server.id);

async function echo(channel: Channel): Promise<void> {
  const buffer = new Uint8Array(MESSAGE_BYTES);
  for (let length; (length = await channel.read(buffer)) !== null;) {
    await channel.write(buffer.subarray(0, length));
  }
  channel.close();
}

async function roundTrip(channel: Channel): Promise<void> {
  const answer = new Uint8Array(MESSAGE_BYTES);
  await channel.write(new Uint8Array(MESSAGE_BYTES).fill(1));
  for (let got = 0; got < MESSAGE_BYTES;) got += await readSome(channel, answer);
}
