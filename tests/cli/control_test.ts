import assert from "node:assert/strict";
import { connect } from "../../cmd/dnc/connect.ts";
import { ControlChannel } from "../../cmd/dnc/control/control_channel.ts";
import { ControlEndpoint } from "../../cmd/dnc/control/control_endpoint.ts";
import { reachMaster } from "../../cmd/dnc/control/control_socket.ts";
import { FrameType, readHeader, readMessage, writeMessage } from "../../cmd/dnc/control/frame.ts";
import { serveControl } from "../../cmd/dnc/control/master.ts";
import { serveChannel } from "../../cmd/dnc/control/serve_channel.ts";
import { CONTROL_VERSION } from "../../cmd/dnc/control/version.ts";
import type { Service } from "../../cmd/dnc/service/service.ts";
import {
  DeclineCode,
  type IncomingChannel,
  type PeerChannel,
} from "../../cmd/peer/peer_channel.ts";
import { OutputClosed } from "../../cmd/peer/standard_streams.ts";
import { ToolError } from "../../cmd/tool/exit_code.ts";
import { GivenBytes } from "../fuzz/byte_streams.ts";
import { MemoryChannel } from "../support/memory_channel.ts";
import { MemoryEndpoint } from "../support/memory_endpoint.ts";
import { memoryStreams } from "../support/memory_streams.ts";

const QUIET = { notice() {}, detail() {} };
const TARGET: Service = { kind: "tcp", host: "127.0.0.1", port: 22 };

interface Setting {
  readonly path: string;
  readonly directory: string;
  /** What comes through the control socket, as `dnc` uses it. */
  readonly client: ControlEndpoint;
  /** Starts a master, and resolves when its socket is there. */
  start(persistMs?: number): Promise<void>;
  /** The exit codes of all masters. */
  ended(): Promise<number[]>;
}

/** A master in this process, whose session leads to a peer in memory. */
function controlTest(
  name: string,
  answer: (incoming: IncomingChannel) => Promise<void>,
  test: (setting: Setting) => Promise<void>,
): void {
  Deno.test(`control socket: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/control.sock`;
    const peers = new Map<string, MemoryEndpoint>();
    const [peer, own] = [new MemoryEndpoint("P", peers), new MemoryEndpoint("M", peers)];
    const answering = (async () => {
      for await (const incoming of peer.incoming()) answer(incoming).catch(() => {});
    })();
    const stop = new AbortController();
    const masters: Promise<number>[] = [];
    const start = async (persistMs = 60_000) => {
      const options = { id: "P", path, persistMs, signal: stop.signal, report: QUIET };
      const announced = Promise.withResolvers<void>();
      const master = serveControl(own, { ...options, announce: () => announced.resolve() });
      master.catch(announced.reject);
      masters.push(master.catch((error: ToolError) => error.exitCode));
      await announced.promise;
    };
    const client = new ControlEndpoint(() => reachMaster(path, start));
    try {
      await test({ path, directory, client, start, ended: () => Promise.all(masters) });
    } finally {
      stop.abort(new ToolError(143, "interrupted"));
      await Promise.all(masters);
      await peer.close();
      await answering;
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function options(streams: ReturnType<typeof memoryStreams>) {
  const { signal } = new AbortController();
  return { id: "P", target: TARGET, timeoutMs: undefined, streams, signal, report: QUIET };
}

async function echo(incoming: IncomingChannel): Promise<void> {
  const channel = incoming.accept();
  const buffer = new Uint8Array(10_000);
  for (let n = await channel.read(buffer); n !== null; n = await channel.read(buffer)) {
    for (let at = 0; at < n;) at += await channel.write(buffer.subarray(at, n));
  }
  await channel.closeWrite();
}

/** Answers with all that came, once that has ended: the end of one direction has to pass alone. */
async function answerAtEnd(incoming: IncomingChannel): Promise<void> {
  const channel = incoming.accept();
  const buffer = new Uint8Array(1000);
  let text = "";
  for (let n = await channel.read(buffer); n !== null; n = await channel.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
  await channel.write(new TextEncoder().encode(`${incoming.name} said ${text}`));
  await channel.closeWrite();
}

controlTest("bytes pass both ways, many channels at once", echo, async ({ client }) => {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  await Promise.all(Array.from({ length: 8 }, async (_, index) => {
    const bytes = new Uint8Array(900_000 + index).map((_, at) => random[at % random.length]!);
    const streams = memoryStreams(bytes);
    assert.equal(await connect(client, options(streams)), 0);
    assert.deepEqual(streams.output.bytes, bytes);
  }));
});

controlTest("the end of one direction leaves the other", answerAtEnd, async ({ client }) => {
  const streams = memoryStreams("hello");
  assert.equal(await connect(client, options(streams)), 0);
  assert.equal(streams.output.text, "nc://127.0.0.1:22 said hello");
  assert.deepEqual(client.status().sessions.map(({ path }) => path?.kind), ["memory"]);
});

controlTest("failures have the same words and exit codes", (incoming) => {
  incoming.decline(DeclineCode.notAllowed, "not you");
  return Promise.resolve();
}, async ({ client }) => {
  const refused = connect(client, options(memoryStreams("")));
  await assert.rejects(refused, { exitCode: 3, message: "the peer declined: not you" });
  const absent = connect(client, { ...options(memoryStreams("")), id: "X" });
  await assert.rejects(absent, { exitCode: 1, message: /is for connections to P/ });
});

controlTest("a peer that aborts", async (incoming) => {
  const channel = incoming.accept();
  await channel.write(new TextEncoder().encode("begun"));
  await channel.read(new Uint8Array(1));
  channel.reset();
}, async ({ client }) => {
  const streams = memoryStreams("x", { endless: true });
  const broken = connect(client, options(streams));
  await assert.rejects(broken, { exitCode: 1, message: "the peer aborted the connection" });
  assert.equal(streams.output.text, "begun");
});

{
  const channels: PeerChannel[] = [];
  controlTest("a client that goes aborts its channel", async (incoming) => {
    const channel = incoming.accept();
    channels.push(channel);
    await channel.closed;
  }, async ({ client }) => {
    const interrupted = new AbortController();
    const streams = memoryStreams("x", { endless: true });
    const call = connect(client, { ...options(streams), signal: interrupted.signal });
    while (channels.length === 0) await new Promise((resolve) => setTimeout(resolve));
    interrupted.abort(new ToolError(130, "interrupted"));
    await assert.rejects(call, { exitCode: 130 });
    await assert.rejects(channels[0]!.closed, { code: "reset" });
  });
}

controlTest("a reader that has gone ends its channel in order", async (incoming) => {
  const channel = incoming.accept();
  await channel.write(new Uint8Array(1000));
  await channel.closed;
}, async ({ client }) => {
  const streams = memoryStreams("x", { endless: true, fail: () => new OutputClosed() });
  assert.equal(await connect(client, options(streams)), 0);
});

controlTest("of many that come first, one starts the master", echo, async (setting) => {
  const { path, client, directory, ended } = setting;
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const streams = memoryStreams(`hello ${index}`);
    await connect(client, options(streams));
    return streams.output.text;
  }));
  assert.deepEqual(answers, Array.from({ length: 20 }, (_, index) => `hello ${index}`));
  const { mode, isSocket } = await Deno.lstat(path);
  assert.deepEqual([isSocket, mode! & 0o777], [true, 0o600]);
  await setting.start();
  assert.equal(await Promise.race([ended(), Promise.resolve("one is left")]), "one is left");
  const files = [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
  assert.deepEqual(files, ["control.sock", "control.sock.lock"]);
});

/** A socket as a process leaves it that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const listening = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });` +
    "console.log(); setInterval(() => {}, 1000)";
  const args = ["eval", listening];
  const process = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  process.kill("SIGKILL");
  await process.status;
  await reader.cancel();
  assert.ok((await Deno.lstat(path)).isSocket);
}

controlTest("a dead master's socket is replaced, a file is not", echo, async ({ path, client }) => {
  await leaveSocket(path);
  const streams = memoryStreams("hello");
  assert.equal(await connect(client, options(streams)), 0);
  await Deno.remove(path);
  await Deno.writeTextFile(path, "precious");
  const spoiled = connect(client, options(memoryStreams("")));
  await assert.rejects(spoiled, { exitCode: 2, message: /exists, and is no socket/ });
  assert.equal(await Deno.readTextFile(path), "precious");
});

controlTest("a master without clients ends, and leaves no socket", echo, async (setting) => {
  await setting.start(1);
  assert.equal(await connect(setting.client, options(memoryStreams("x"))), 0);
  assert.deepEqual(await setting.ended(), [0]);
  await assert.rejects(Deno.lstat(setting.path), Deno.errors.NotFound);
  // Then the next one starts another.
  assert.equal(await connect(setting.client, options(memoryStreams("x"))), 0);
});

controlTest("what is no request is told so, and closed", echo, async ({ path, start }) => {
  await start();
  const hostile = [
    [0, 0, 0, 0],
    [FrameType.request, 0xff, 0xff, 0xff],
    [FrameType.request, 0, 0, 2, 0x5b, 0x5d],
    [FrameType.request, 0, 0, 2, 0x7b, 0x7d],
    [FrameType.request, 0, 0, 3, 0x66, 0x6f, 0x6f],
    [FrameType.data, 0, 0, 1, 0],
  ];
  for (const bytes of hostile) {
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(Uint8Array.from(bytes));
    const header = await readHeader(connection);
    assert.equal(header?.type, FrameType.failed, String(bytes));
    assert.equal((await readMessage(connection, header)).of, "other");
  }
});

controlTest("a client that says nothing is given up, others stay", echo, async (setting) => {
  await setting.start();
  {
    using _hurry = hurry(5_000);
    using silent = await Deno.connect({ transport: "unix", path: setting.path });
    await silent.read(new Uint8Array(1)).catch(() => {});
  }
  const streams = memoryStreams("hello");
  assert.equal(await connect(setting.client, options(streams)), 0);
  assert.equal(streams.output.text, "hello");
});

Deno.test("control socket: a master that does not answer is given up", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/control.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  const accepted = listener.accept();
  const client = new ControlEndpoint(() => Deno.connect({ transport: "unix", path }));
  {
    using _hurry = hurry(2_500);
    await assert.rejects(client.connect("P", "nc://", { timeoutMs: 500 }), {
      ...{ name: "ConnectError", code: "timeout" },
      message: "the dnc that holds the connection does not answer",
    });
  }
  (await accepted).close();
  listener.close();
  await Deno.remove(directory, { recursive: true });
});

/** Timers that would take so long, ms, take next to none. */
function hurry(slow: number): Disposable {
  const { setTimeout } = globalThis;
  globalThis.setTimeout =
    ((work: () => void, ms?: number) =>
      setTimeout(work, ms === slow ? 10 : ms)) as typeof setTimeout;
  return { [Symbol.dispose]: () => globalThis.setTimeout = setTimeout };
}

Deno.test("control socket: where none can be made, that is told before anything is started", async () => {
  // Not even root can write there, as nobody else can in another's directory.
  const path = Deno.build.os === "linux" ? "/proc/x.sock" : "/nonexistent/x.sock";
  let started = 0;
  const start = () => Promise.resolve(void started++);
  await assert.rejects(reachMaster(path, start), {
    ...{ name: "ToolError", exitCode: 2 },
    message: new RegExp(`^--control: cannot make ${path}\\.lock: .`),
  });
  assert.equal(started, 0);
});

Deno.test("control socket: a client that goes as its channel comes leaves none", async () => {
  const request: number[] = [];
  const into = { write: (bytes: Uint8Array) => Promise.resolve(request.push(...bytes)) };
  await writeMessage(into, FrameType.request, { version: CONTROL_VERSION, id: "P", name: "x" });
  const given = new GivenBytes(Uint8Array.from(request));
  const connection = {
    read: (into: Uint8Array) => given.read(into),
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
    close() {},
  } as unknown as Deno.UnixConn;
  const [channel] = MemoryChannel.pair("x", Promise.resolve());
  const dialler = { connect: () => Promise.resolve(channel), status: () => ({ sessions: [] }) };
  await serveChannel(connection, dialler, "P");
  await assert.rejects(channel.closed, { code: "reset" });
});

Deno.test("control channel: data before there is a channel is the end, not a wait", async () => {
  const data = Uint8Array.of(FrameType.data, 0, 0, 1, 0x41);
  const connection = new GivenBytes(data) as unknown as Deno.UnixConn;
  const channel = new ControlChannel("nc://", connection);
  await assert.rejects(channel.connected, { code: "session-closed" });
});
