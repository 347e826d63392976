/** The driver on real sockets, over loopback: the "router" is 127.0.0.2. */
import assert from "node:assert/strict";
import { PortMapper, type PortMapperOptions } from "../../lib/endpoint/portmap/mod.ts";
import { exchangeHttp } from "../../lib/endpoint/portmap/http_exchange.ts";
import { bindUdp, type UdpSocket } from "../../lib/net/mod.ts";
import type { ExternalAddress } from "../../lib/portmap/mod.ts";
import { type Behaviour, SimulatedRouter } from "./simulated_router.ts";

const ROUTER_IP = "127.0.0.2";

/** A NAT-PMP and PCP server on a port that the system chooses. */
async function startRouter(behaviour: Partial<Behaviour>) {
  const router = new SimulatedRouter(behaviour);
  const socket: UdpSocket = await bindUdp({ ip: ROUTER_IP });
  socket.onDatagram = (bytes, from) => {
    const answer = router.answer(bytes, { ip: ROUTER_IP, port: 5351 }, performance.now());
    if (answer !== undefined) socket.send(answer.bytes, from);
  };
  const options: PortMapperOptions = {
    interfaces: ["lo"],
    // only what it speaks: nothing is waited for in vain
    protocols: behaviour.pcp ? ["pcp"] : ["nat-pmp"],
    gateways: () => Promise.resolve([{ interface: "lo", ip: ROUTER_IP }]),
    serverPort: socket.local.port,
  };
  return { router, options, [Symbol.asyncDispose]: () => socket.close() };
}

/** Maps, and waits for the external address. */
function mapped(mapper: PortMapper, port: number): Promise<ExternalAddress> {
  return new Promise((resolve) =>
    mapper.map({
      transport: "udp",
      internal: { ip: "0.0.0.0", port },
      onChange: (external) => external && resolve(external),
    })
  );
}

for (const behaviour of [{ pcp: true }, { natPmp: true }]) {
  Deno.test(`driver: maps and removes by ${Object.keys(behaviour)}`, async () => {
    await using started = await startRouter(behaviour);
    const mapper = await PortMapper.start(started.options);
    assert.deepEqual((await mapped(mapper, 4222)).address, { ip: "203.0.113.7", port: 4222 });
    const ended = new AbortController();
    const two = mapper.map({
      transport: "tcp",
      internal: { ip: "127.0.0.1", port: 4223 },
      signal: ended.signal,
    });
    await mapper.searched();
    assert.equal(mapper.status[0]!.local, "127.0.0.1");
    ended.abort();
    await two.close();
    assert.equal(two.state, "closed");
    assert.deepEqual([...started.router.mappings.keys()], ["udp 4222"]);
    await mapper.close();
    assert.equal(started.router.mappings.size, 0);
    assert.equal(mapper.map({ transport: "udp", internal: two.internal }).state, "closed");
  });
}

Deno.test("driver: without a gateway a mapping waits, and finds one that appears", async () => {
  await using started = await startRouter({ pcp: true });
  let gateways: { interface: string; ip: string }[] = [];
  await using mapper = await PortMapper.start({
    ...started.options,
    gateways: () => Promise.resolve(gateways),
  });
  const seen: (string | undefined)[] = [];
  const change = Promise.withResolvers<void>();
  const mapping = mapper.map({
    transport: "udp",
    internal: { ip: "0.0.0.0", port: 4222 },
    onChange: (external) => {
      seen.push(external?.address.ip);
      change.resolve();
    },
  });
  assert.equal(mapping.state, "waiting");
  assert.equal(mapping.reason, "no gateway");
  gateways = [{ interface: "lo", ip: ROUTER_IP }];
  await mapper.refresh();
  await change.promise;
  gateways = [];
  await mapper.refresh();
  assert.deepEqual(seen, ["203.0.113.7", undefined]);
  assert.equal(mapping.state, "waiting");
});

Deno.test("driver: a router that has died holds up nobody's end", async () => {
  const started = await startRouter({ pcp: true });
  const mapper = await PortMapper.start(started.options);
  await mapped(mapper, 4222);
  await started[Symbol.asyncDispose]();
  await mapper.close(); // bounded by CLOSE_TIMEOUT_MS: Deno's own time-out would tell
});

Deno.test("driver: other interfaces than the named ones are left alone", async () => {
  await using started = await startRouter({ pcp: true });
  await using mapper = await PortMapper.start({ ...started.options, interfaces: ["none"] });
  assert.deepEqual(mapper.status, []);
});

/** A TCP server that treats each connection so. */
function listen(serve: (connection: Deno.TcpConn) => Promise<unknown>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const connection of listener) {
      await serve(connection).catch(() => {});
      try {
        connection.close();
      } catch { // by the other side
      }
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const request = (signal = new AbortController().signal) => {
    const asked = {
      id: 1,
      method: "POST",
      url: `http://127.0.0.1:${port}/a?b`,
      body: "é",
      headers: [["SOAPAction", "x"]],
    } as const;
    return exchangeHttp(asked, { localIp: "127.0.0.1", signal });
  };
  const dispose = async () => {
    listener.close();
    await served;
  };
  return { request, [Symbol.asyncDispose]: dispose };
}

const encoder = new TextEncoder();

Deno.test("HTTP: a request as routers understand it, and no proxy in between", async () => {
  let got = "";
  await using server = listen(async (connection) => {
    const buffer = new Uint8Array(2000);
    got = new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!));
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:9");
  try {
    assert.deepEqual(await server.request(), { status: 200, body: "ok" });
  } finally {
    Deno.env.delete("HTTP_PROXY");
  }
  assert.match(got, /^POST \/a\?b HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  assert.match(got, /\r\nSOAPAction: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\né$/);
});

Deno.test("HTTP: a redirection is an answer, not a way to another host", async () => {
  await using server = listen((connection) =>
    connection.write(
      encoder.encode("HTTP/1.1 302 x\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n"),
    )
  );
  assert.deepEqual(await server.request(), { status: 302, body: "" });
});

Deno.test("HTTP: an answer without end, one of another protocol, and none at all", async () => {
  await using endless = listen(async (connection) => {
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\n\r\n"));
    for (let i = 0; i < 40; i++) await connection.write(new Uint8Array(16_384));
  });
  assert.equal(await endless.request(), undefined);
  await using other = listen((connection) =>
    connection.write(encoder.encode("220 mail ready\r\n"))
  );
  assert.equal(await other.request(), undefined);
  await using mute = listen(() => Promise.resolve());
  assert.equal(await mute.request(), undefined);
});

Deno.test("HTTP: given up when the mapper ends", async () => {
  const ended = new AbortController();
  await using slow = listen(async (connection) => {
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\n"));
    ended.abort();
    await connection.read(new Uint8Array(2000));
    await connection.read(new Uint8Array(1));
  });
  assert.equal(await slow.request(ended.signal), undefined);
});

Deno.test("HTTP: nobody there", async () => {
  const server = listen(() => Promise.resolve());
  await server[Symbol.asyncDispose]();
  assert.equal(await server.request(), undefined);
});
