import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  dialFramedTcp,
  FramedTcp,
  type FramedTcpListener,
  listenFramedTcp,
  MAX_FRAME_BYTES,
  MAX_SILENT_CONNECTIONS,
  type Pipe,
  type TcpDialOptions,
} from "../../lib/net/mod.ts";
import { readAll } from "./read_all.ts";

interface Pair {
  client: FramedTcp;
  server: FramedTcp;
  listener: FramedTcpListener;
}

async function connect(options: TcpDialOptions = {}, ip = "127.0.0.1"): Promise<Pair> {
  const accepted = Promise.withResolvers<FramedTcp>();
  const listener = listenFramedTcp({ ip, onConnection: accepted.resolve });
  const client = await dialFramedTcp(listener.local, options);
  return { client, server: await accepted.promise, listener };
}

function frames(connection: FramedTcp, count: number): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  return new Promise((resolve) => {
    connection.onFrame = (frame) => void (got.push(frame) === count && resolve(got));
  });
}

const DIALS: [string, TcpDialOptions, string][] = [
  ["Deno.connect", { localIp: "127.0.0.1" }, "127.0.0.1"],
  ["node:net", { localIp: "127.0.0.9" }, "127.0.0.1"],
  ["IPv6", { localIp: "::1" }, "::1"],
];

for (const [name, options, ip] of DIALS) {
  Deno.test(`framed tcp (${name}): frames both ways, from the address asked for`, async () => {
    const { client, server, listener } = await connect(options, ip);
    assert.equal(client.local.ip, options.localIp);
    assert.deepEqual(server.remote, client.local);
    assert.deepEqual(client.remote, listener.local);
    const atServer = frames(server, 3), atClient = frames(client, 1);
    client.send(Uint8Array.of(1));
    client.send(new Uint8Array(MAX_FRAME_BYTES).fill(2));
    client.send(Uint8Array.of(3, 3));
    server.send(Uint8Array.of(4));
    assert.deepEqual((await atServer).map((f) => [f[0], f.length]), [[1, 1], [2, 2048], [3, 2]]);
    assert.deepEqual([...(await atClient)[0]!], [4]);
    await Promise.all([client.close(), server.close(), listener.close()]);
  });

  Deno.test(`framed tcp (${name}): a stream after the switch, megabytes both ways`, async () => {
    const { client, server, listener } = await connect(options, ip);
    server.onFrame = () => {};
    client.onFrame = () => {};
    client.send(Uint8Array.of(1));
    const near = await client.switchToStream();
    // everything below arrives in the same flight as the empty frame, before the server switches
    const sent = crypto.getRandomValues(new Uint8Array(65_536));
    const writing = (async () => {
      for (let i = 0; i < 64; i++) await near.write(sent);
      await near.closeWrite();
    })();
    const far = await server.switchToStream();
    const echo = (async () => {
      const bytes = await readAll(far);
      await far.write(bytes);
      await far.closeWrite();
      return bytes.length;
    })();
    const back = await readAll(near);
    await writing;
    assert.equal(await echo, 4 << 20);
    assert.equal(back.length, 4 << 20);
    for (let i = 0; i < 64; i++) {
      assert.equal(Buffer.compare(back.subarray(i * 65_536, (i + 1) * 65_536), sent), 0);
    }
    await Promise.all([near.close(), far.close(), listener.close()]);
  });
}

Deno.test("framed tcp: frames before the peer's switch still arrive after ours", async () => {
  const { client, server, listener } = await connect();
  const atClient = frames(client, 1);
  server.onFrame = () => {};
  const near = await client.switchToStream();
  server.send(Uint8Array.of(7));
  assert.deepEqual([...(await atClient)[0]!], [7]);
  client.send(Uint8Array.of(1)); // too late: dropped, the stream stays clean
  await near.write(Uint8Array.of(5));
  const far = await server.switchToStream();
  const into = new Uint8Array(8);
  assert.equal(await far.read(into), 1);
  assert.equal(into[0], 5);
  await Promise.all([near.close(), far.close(), listener.close()]);
});

Deno.test("framed tcp: close ends the other side's connection once", async () => {
  const { client, server, listener } = await connect();
  let closed = 0;
  const ended = new Promise<void>((resolve) => {
    server.onClose = () => {
      closed++;
      resolve();
    };
  });
  server.onFrame = () => {};
  await client.close();
  await ended;
  await server.close();
  server.send(Uint8Array.of(1));
  assert.equal(closed, 1);
  await listener.close();
});

Deno.test("framed tcp: an oversized frame closes the connection", async () => {
  const accepted = Promise.withResolvers<FramedTcp>();
  const listener = listenFramedTcp({ ip: "127.0.0.1", onConnection: accepted.resolve });
  const raw = await Deno.connect({ hostname: "127.0.0.1", port: listener.local.port });
  const server = await accepted.promise;
  const closed = new Promise<void>((resolve) => server.onClose = resolve);
  server.onFrame = () => assert.fail("no frame");
  await raw.write(Uint8Array.of(0xff, 0xff, 0, 0));
  await closed;
  raw.close();
  await Promise.all([server.close(), listener.close()]);
});

Deno.test("framed tcp: a peer that does not read is cut off", async () => {
  const { client, server, listener } = await connect();
  const closed = new Promise<void>((resolve) => client.onClose = resolve);
  client.onFrame = () => {};
  for (let i = 0; i < 40_000; i++) client.send(new Uint8Array(MAX_FRAME_BYTES));
  await closed;
  await Promise.all([client.close(), server.close(), listener.close()]);
});

Deno.test("dial: refused, aborted and timed out are told apart", async () => {
  const listener = listenFramedTcp({ ip: "127.0.0.1", onConnection: () => {} });
  await listener.close();
  for (const localIp of ["127.0.0.1", "127.0.0.9"]) {
    await assert.rejects(dialFramedTcp(listener.local, { localIp }), { code: "unreachable" });
    const signal = AbortSignal.abort();
    await assert.rejects(dialFramedTcp(listener.local, { localIp, signal }), { code: "aborted" });
  }
  // a listener whose queue is full does not answer
  const full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const queued: Promise<unknown>[] = [];
  const controller = new AbortController();
  for (let i = 0; i < 4; i++) {
    const dial = dialFramedTcp({ ip: "127.0.0.1", port: full.addr.port }, {
      localIp: i % 2 ? "127.0.0.1" : "127.0.0.9",
      signal: controller.signal,
      timeoutMs: 300,
    });
    queued.push(dial.then((connection) => connection.close(), (error) => error));
  }
  const results = await Promise.all(queued);
  const codes = results.map((result) => (result as { code?: string } | undefined)?.code);
  assert.ok(codes.includes("timeout"), JSON.stringify(codes));
  full.close();
});

Deno.test("listener: the port is free when close resolves", async () => {
  const first = listenFramedTcp({ ip: "127.0.0.1", onConnection: () => {} });
  const { port } = first.local;
  assert.throws(() => listenFramedTcp({ ip: "127.0.0.1", port, onConnection: () => {} }), {
    code: "bind",
  });
  await first.close();
  const second = listenFramedTcp({ ip: "127.0.0.1", port, onConnection: () => {} });
  await second.close();
});

async function pipes(): Promise<{ near: Pipe; far: Pipe; end: () => Promise<void> }> {
  const { client, server, listener } = await connect();
  const [near, far] = [await client.switchToStream(), await server.switchToStream()];
  return { near, far, end: () => listener.close() };
}

Deno.test({
  name: "listener: who has sent a frame is silent no more, and nothing waits for it",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const ends: Promise<void>[] = [];
    const echoed = (connection: FramedTcp) => {
      connection.onFrame = (frame) => connection.send(frame);
      ends.push(new Promise((resolve) => connection.onClose = resolve));
    };
    const listener = listenFramedTcp({ ip: "127.0.0.1", onConnection: echoed });
    const clients: FramedTcp[] = [];
    for (let i = 0; i <= MAX_SILENT_CONNECTIONS; i++) {
      const client = await dialFramedTcp(listener.local, { localIp: "127.0.0.1" });
      const closed = new Promise<string>((resolve) => client.onClose = () => resolve("closed"));
      client.send(Uint8Array.of(i));
      const echo = frames(client, 1).then(([frame]) => frame![0]);
      assert.equal(await Promise.race([echo, closed]), i);
      clients.push(client);
    }
    await Promise.all([listener.close(), ...clients.map((client) => client.close())]);
    await Promise.all(ends);
  },
});

Deno.test("pipe: close on both sides at once loses nothing of what was written", async () => {
  const { near, far, end } = await pipes();
  await near.write(new Uint8Array(300_000));
  await far.write(new Uint8Array(10));
  const closing = near.close();
  const [count] = await Promise.all([
    readAll(far).then((b) => b.length),
    closing,
    far.closeWrite(),
  ]);
  assert.equal(count, 300_000);
  await far.close();
  await end();
});

Deno.test("pipe: abort wakes a read under way on both sides", async () => {
  const { near, far, end } = await pipes();
  const reads = [near, far].map((pipe) => pipe.read(new Uint8Array(1)).catch((e) => e.code));
  await new Promise((resolve) => setTimeout(resolve, 1));
  await near.abort();
  assert.equal(await reads[0], "closed");
  assert.ok([null, "closed"].includes(await reads[1]!));
  await assert.rejects(near.write(new Uint8Array(1)), { code: "closed" });
  await assert.rejects(near.read(new Uint8Array(1)), { code: "closed" });
  await far.abort();
  await end();
});

Deno.test("pipe: a peer that never switches makes the read fail when it leaves", async () => {
  const { client, server, listener } = await connect();
  const near = await client.switchToStream();
  const read = near.read(new Uint8Array(1));
  await server.close();
  await assert.rejects(read, { code: "closed" });
  await near.abort();
  await listener.close();
});
