import assert from "node:assert/strict";
import { bindUdp, type UdpSocket } from "../../lib/net/mod.ts";
import { readFull, writeAll } from "../../cmd/dnc/all_bytes.ts";
import { SocksReply } from "../../cmd/dnc/socks/socks5.ts";
import { DncProcess } from "../../cmd/demo/dnc_process.ts";

/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 60_000;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

interface Setting {
  start(...args: string[]): Promise<DncProcess>;
  /** For sockets. */
  readonly directory: string;
}

/** A test with `dnc` processes on loopback, all of which are gone at its end. */
function forwardTest(name: string, test: (setting: Setting) => Promise<void>): void {
  Deno.test(`dnc forwards: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    const processes: DncProcess[] = [];
    const start = async (...args: string[]) => {
      const words = [...args, "--interface", "lo"];
      const process = await DncProcess.start(`dnc ${args[0]!.slice(0, 8)}`, words);
      processes.push(process);
      return process;
    };
    const timer = setTimeout(
      () => processes.forEach((process) => process.kill("SIGKILL")),
      TIMEOUT_MS,
    );
    try {
      await test({ start, directory });
    } catch (error) {
      for (const { name, log } of processes) console.error(`--- ${name}:\n${log}`);
      throw error;
    } finally {
      clearTimeout(timer);
      await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** An HTTP server that says which path it was asked for. */
function httpServer(options: Deno.ServeTcpOptions | Deno.ServeUnixOptions) {
  const answer = (request: Request) => new Response(`at ${new URL(request.url).pathname}`);
  return Deno.serve({ ...options, onListen() {} } as Deno.ServeTcpOptions, answer);
}

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** A port on which nobody listens, as long as nobody else asks the system for one. */
function freePort(): number {
  using listener = Deno.listen(LOOPBACK);
  return listener.addr.port;
}

/** The port in the line with which `dnc` tells where it listens. */
async function portOf(process: DncProcess, line: RegExp): Promise<number> {
  const log = await process.logUntil(line.source.split("PORT")[1]!.replaceAll("\\", ""));
  return Number(new RegExp(line.source.replace("PORT", "(\\d+)")).exec(log)![1]);
}

forwardTest("-L, 100 requests at once, and both ends of unix sockets", async (setting) => {
  const { start, directory } = setting;
  const web = httpServer(LOOPBACK);
  const socket = httpServer({ path: `${directory}/web.sock` });
  const target = `127.0.0.1:${web.addr.port}`;
  const server = await start(
    ...["-l", "--allow", target, "--allow", `unix:${directory}/web.sock`],
  );
  const id = await server.listening();
  const client = await start(
    ...[id, "-L", `0:${target}`, "-L", `${directory}/here.sock:${directory}/web.sock`],
    ...["-L", "0:127.0.0.1:1"],
  );
  await client.logUntil("127.0.0.1:1 there");
  const port = /127\.0\.0\.1:(\d+) leads to/.exec(client.log)![1];
  const answers = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
    const response = await fetch(`http://127.0.0.1:${port}/${index}`, {
      headers: { connection: "close" },
    });
    return await response.text();
  }));
  assert.deepEqual(answers, Array.from({ length: 100 }, (_, index) => `at /${index}`));

  const here = `${directory}/here.sock`;
  assert.equal((await Deno.lstat(here)).mode! & 0o777, 0o600);
  using http = Deno.createHttpClient({ proxy: { transport: "unix", path: here } });
  assert.equal(await (await fetch("http://x/y", { client: http })).text(), "at /y");

  const closed = /127\.0\.0\.1:(\d+) leads to 127\.0\.0\.1:1 there/.exec(client.log)![1];
  await assert.rejects(fetch(`http://127.0.0.1:${closed}/`));
  assert.match(await client.logUntil("allows"), /127\.0\.0\.1:1 is not a target that this peer/);

  client.kill("SIGINT");
  assert.equal(await client.exitCode(), 130);
  await assert.rejects(Deno.lstat(here), Deno.errors.NotFound);
  await Promise.all([web.shutdown(), socket.shutdown()]);
});

forwardTest("-D is a SOCKS5 proxy to what the peer allows", async ({ start }) => {
  const web = httpServer(LOOPBACK);
  const target = `127.0.0.1:${web.addr.port}`;
  const closed = freePort();
  const server = await start("-l", "--allow", target, "--allow", `127.0.0.1:${closed}`);
  const client = await start(await server.listening(), "-D", "0");
  const port = await portOf(client, /127\.0\.0\.1:PORT is a SOCKS5 proxy/);
  const request = "GET /z HTTP/1.0\r\n\r\n";
  const { reply, answer } = await throughSocks(port, web.addr.port, request);
  assert.equal(reply, SocksReply.succeeded);
  assert.match(answer, /\r\n\r\nat \/z$/);
  assert.equal((await throughSocks(port, 1, request)).reply, SocksReply.notAllowed);
  assert.match(await client.logUntil("is not a target"), /127\.0\.0\.1:1 is not a target/);
  assert.equal((await throughSocks(port, closed, request)).reply, SocksReply.connectionRefused);
  await web.shutdown();
});

/** Speaks with a port of 127.0.0.1 through a SOCKS5 proxy; the request comes right behind. */
async function throughSocks(proxy: number, port: number, request: string) {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy });
  const connect = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff];
  await writeAll(connection, Uint8Array.from([...connect, ...bytes(request)]));
  const head = new Uint8Array(12);
  assert.ok(await readFull(connection, head));
  assert.deepEqual([...head.subarray(0, 3)], [5, 0, 5]);
  let answer = "";
  const buffer = new Uint8Array(1000);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    answer += text(buffer.subarray(0, n));
  }
  return { reply: head[3], answer };
}

forwardTest("-R: the peer listens, if it allows that", async ({ start }) => {
  const web = httpServer(LOOPBACK);
  const port = freePort();
  const server = await start("-l", "--allow-remote", String(port));
  const id = await server.listening();
  const refused = await start(id, "-R", `1:127.0.0.1:${web.addr.port}`);
  assert.equal(await refused.exitCode(), 3);
  assert.match(refused.log, /does not allow to listen on 127\.0\.0\.1:1 \(--allow-remote\)/);

  const client = await start(id, "-R", `${port}:127.0.0.1:${web.addr.port}`);
  await client.logUntil("there leads to");
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const response = await fetch(`http://127.0.0.1:${port}/${index}`, {
      headers: { connection: "close" },
    });
    return await response.text();
  }));
  assert.deepEqual(answers, Array.from({ length: 20 }, (_, index) => `at /${index}`));

  const second = await start(id, "-R", `${port}:127.0.0.1:${web.addr.port}`);
  assert.equal(await second.exitCode(), 1);
  assert.match(second.log, /cannot listen on 127\.0\.0\.1:\d+: another peer does/);
  client.kill("SIGINT");
  assert.equal(await client.exitCode(), 130);
  // The port is free again: the next one gets it.
  const third = await start(id, "-R", `${port}:127.0.0.1:${web.addr.port}`);
  await third.logUntil("there leads to");
  await web.shutdown();
});

/** A UDP server that sends everything back in capitals. */
async function shouter(): Promise<UdpSocket> {
  const socket = await bindUdp({ ip: "127.0.0.1" });
  socket.onDatagram = (datagram, from) => socket.send(bytes(text(datagram).toUpperCase()), from);
  return socket;
}

forwardTest("--udp: a channel for each source, and standard streams", async ({ start }) => {
  const service = await shouter();
  const target = `127.0.0.1:${service.local.port}`;
  const server = await start("-l", "--allow", `udp:${target}`);
  const id = await server.listening();
  const client = await start(id, "--udp", "-L", `0:${target}`);
  const port = await portOf(client, /udp:127\.0\.0\.1:PORT leads to/);
  const answers = await Promise.all(Array.from({ length: 10 }, async (_, index) => {
    const source = await bindUdp({ ip: "127.0.0.1" });
    const answer = new Promise<string>((resolve) => source.onDatagram = (d) => resolve(text(d)));
    source.send(bytes(`hello ${index}`), { ip: "127.0.0.1", port });
    try {
      return await answer;
    } finally {
      await source.close();
    }
  }));
  assert.deepEqual(answers, Array.from({ length: 10 }, (_, index) => `HELLO ${index}`));

  const pipe = await start(id, "--udp", "-P", String(service.local.port));
  const writer = pipe.stdin.getWriter();
  await writer.write(bytes("hello"));
  await writer.close();
  assert.equal(await new Response(pipe.stdout).text(), "HELLO");
  assert.equal(await pipe.exitCode(), 0);
  await service.close();
});

forwardTest("a unix socket on standard streams", async ({ start, directory }) => {
  const path = `${directory}/echo.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  const echoing = (async () => {
    for await (const one of listener) one.readable.pipeTo(one.writable).catch(() => {});
  })();
  const server = await start("-l", "--allow", `unix:${path}`);
  const client = await start(await server.listening(), "-P", path);
  const writer = client.stdin.getWriter();
  await writer.write(bytes("hello"));
  await writer.close();
  assert.equal(await new Response(client.stdout).text(), "hello");
  assert.equal(await client.exitCode(), 0);
  listener.close();
  await echoing;
});

forwardTest("a port that is taken: exit code 1, before anybody is called", async ({ start }) => {
  const taken = Deno.listen(LOOPBACK);
  const { port } = taken.addr;
  const id = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  for (const option of ["-D", "-L"]) {
    const spec = option === "-D" ? String(port) : `${port}:127.0.0.1:1`;
    const client = await start(id, option, spec);
    assert.equal(await client.exitCode(), 1);
    assert.equal(client.log, `dnc: cannot listen on 127.0.0.1:${port}: it is in use already\n`);
  }
  taken.close();
});
