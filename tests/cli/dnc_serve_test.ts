import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { connect } from "../../cmd/dnc/connect.ts";
import { serve } from "../../cmd/dnc/serve.ts";
import type { Service } from "../../cmd/dnc/service/service.ts";
import { ServicePolicy } from "../../cmd/dnc/service_policy.ts";
import type { Report } from "../../cmd/peer/report.ts";
import { ToolError } from "../../cmd/tool/exit_code.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { MemoryEndpoint } from "../support/memory_endpoint.ts";
import { memoryStreams } from "../support/memory_streams.ts";
import { settled } from "../support/simulated_timers.ts";

type TcpService = Extract<Service, { kind: "tcp" | "udp" }>;

const REPORT = { notice() {}, detail() {} };

/** Runs a test against a `dnc -l --allow` in memory. */
async function withTargets(
  services: readonly Service[],
  test: (peer: MemoryEndpoint) => Promise<void>,
  report: Report = REPORT,
): Promise<void> {
  const peers = new Map<string, MemoryEndpoint>();
  const stop = new AbortController();
  const server = new MemoryEndpoint("L", peers);
  const policy = await ServicePolicy.create({
    services: services.map((service) => ({ service, who: undefined })),
    listens: [],
  });
  const serving = serve(server.incoming(), {
    policy,
    signal: stop.signal,
    report,
  });
  try {
    await test(new MemoryEndpoint("D", peers));
  } finally {
    stop.abort(new ToolError(143, "interrupted"));
    await assert.rejects(serving, { exitCode: 143 });
  }
}

/** The same with one target, a TCP server on loopback. */
async function withTarget(
  answer: (connection: Deno.TcpConn) => Promise<void>,
  test: (peer: MemoryEndpoint, target: TcpService) => Promise<void>,
  hostname = "127.0.0.1",
): Promise<void> {
  const listener = Deno.listen({ hostname, port: 0 });
  const answering = (async () => {
    for await (const connection of listener) {
      answer(connection).finally(() => connection.close()).catch(() => {});
    }
  })();
  const target: TcpService = { kind: "tcp", host: hostname, port: listener.addr.port };
  try {
    await withTargets([target], (peer) => test(peer, target));
  } finally {
    listener.close();
    await answering;
  }
}

/** Connects to a target and gives its answer to the input. */
async function reach(
  peer: MemoryEndpoint,
  target: Service | undefined,
  input: string | ReturnType<typeof memoryStreams>,
): Promise<string> {
  const streams = typeof input === "string" ? memoryStreams(input) : input;
  await connect(peer, {
    id: "L",
    target,
    timeoutMs: 60_000,
    streams,
    signal: new AbortController().signal,
    report: REPORT,
  });
  return streams.output.text;
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(1024);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
  return text;
}

/** Answers only when the request has ended: so both half-closes have to pass. */
async function answerAtEnd(connection: Deno.TcpConn): Promise<void> {
  const request = await readAll(connection);
  await connection.write(new TextEncoder().encode(`you said ${request}`));
}

Deno.test("an allowed target is reached, half-closes pass both ways, many at once", async () => {
  await withTarget(answerAtEnd, async (peer, target) => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => reach(peer, target, `hello ${index}`)),
    );
    assert.deepEqual(answers, Array.from({ length: 50 }, (_, i) => `you said hello ${i}`));
  });
});

Deno.test("an IPv6 target is reached", async () => {
  await withTarget(answerAtEnd, async (peer, target) => {
    assert.equal(await reach(peer, target, "six"), "you said six");
  }, "::1");
});

Deno.test("what is not on the list is refused with the reason and exit code 3", async () => {
  await withTarget(answerAtEnd, async (peer, { port }) => {
    const other = reach(peer, { kind: "tcp", host: "127.0.0.2", port }, "");
    await assert.rejects(other, { exitCode: 3, message: /127\.0\.0\.2:\d+ is not a target/ });
    const none = reach(peer, undefined, "");
    await assert.rejects(none, { exitCode: 3, message: /serves targets only/ });
  });
});

Deno.test("whatever a peer names, or gives as its reason, is one line of the log", async () => {
  const log: string[] = [];
  const report = {
    notice: (text: string) => log.push(text),
    detail: (text: string) => log.push(text),
  };
  const forged = "\ndnc: reloaded";
  const names = ["nc+unix:///x", "nc+udp://x:1", "nc+listen://x:1", "nc://x:1", "x"];
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target: TcpService = { kind: "tcp", host: "127.0.0.1", port: silent.addr.port };
  await withTargets([target], async (peer) => {
    for (const name of names) {
      const channel = await peer.connect("L", `${name}${forged}`);
      await assert.rejects(channel.opened, { code: "declined" });
    }
    const channel = await peer.connect("L", `nc://127.0.0.1:${target.port}`);
    const connection = await silent.accept();
    await channel.opened;
    channel.fail(new ChannelError("", "session-closed", 256, `lost${forged}`));
    while (await connection.read(new Uint8Array(1)).catch(() => null) !== null);
    connection.close();
    await settled();
  }, report);
  silent.close();
  assert.deepEqual(log.filter((line) => line.includes("\n")), []);
  assert.equal(log.filter((line) => line.includes("declined")).length, names.length);
  assert.ok(log.some((line) => line.includes("lost\ufffddnc: reloaded")), log.join("\n"));
});

Deno.test("a target that refuses the connection: exit code 1", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target: TcpService = { kind: "tcp", host: "127.0.0.1", port: free.addr.port };
  free.close();
  await withTargets([target], async (peer) => {
    const attempt = reach(peer, target, "");
    await assert.rejects(attempt, { exitCode: 1, message: /connection refused by target 127/ });
  });
});

Deno.test("a target that resets the connection resets the channel", async () => {
  const target = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const { port } = target.address() as AddressInfo;
  await withTargets([{ kind: "tcp", host: "127.0.0.1", port }], async (peer) => {
    const streams = memoryStreams("hello", { endless: true });
    const attempt = reach(peer, { kind: "tcp", host: "127.0.0.1", port }, streams);
    await assert.rejects(attempt, { exitCode: 1, message: /aborted/ });
  });
  await new Promise((resolve) => target.close(resolve));
});

Deno.test("a peer that leaves closes the connection to a silent target", async () => {
  const left = Promise.withResolvers<void>();
  const silent = async (connection: Deno.TcpConn) => {
    await readAll(connection).catch(() => {});
    left.resolve();
  };
  await withTarget(silent, async (peer, target) => {
    const channel = await peer.connect("L", `nc://${target.host}:${target.port}`);
    await channel.opened;
    channel.reset();
    await left.promise;
  });
});

Deno.test("a peer that asks on and on for what it may not have does not fill the log", async () => {
  const lines: string[] = [];
  const report = { notice: (text: string) => void lines.push(text), detail() {} };
  await withTargets([], async (peer) => {
    for (let port = 1; port <= 1_000; port++) {
      const channel = await peer.connect("L", `nc://192.0.2.1:${port}`);
      await assert.rejects(channel.opened, /not a target/);
    }
  }, report);
  assert.ok(lines.length >= 50 && lines.length < 100, `${lines.length} lines`);
});
