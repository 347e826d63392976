import assert from "node:assert/strict";
import { DatagramChannel } from "../../cmd/dnc/datagram/datagram_channel.ts";
import { DatagramForwarding } from "../../cmd/dnc/forward/forward_datagrams.ts";
import { listenTcp, listenUdp } from "../../cmd/dnc/forward/listening_sockets.ts";
import { LocalListener } from "../../cmd/dnc/forward/local_listener.ts";
import {
  parseDynamicForward,
  parseListenTarget,
  parseLocalForward,
} from "../../cmd/dnc/forward/forward_spec.ts";
import type { PeerLink } from "../../cmd/dnc/forward/peer_link.ts";
import { ServicePolicy } from "../../cmd/dnc/service_policy.ts";
import { formatServiceName } from "../../cmd/dnc/service_name.ts";
import { bindUdp, NetError, type UdpBindOptions } from "../../lib/net/mod.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

const EVERYWHERE = { host: "::", port: 0 };
const LOOPBACK = ["127.0.0.1", "::1"];

/** Where a connection is taken, of this machine's two own addresses. */
async function reachable(listeners: readonly Deno.TcpListener[]): Promise<string[]> {
  const { port } = listeners[0]!.addr;
  const accepted = Promise.all(listeners.map(async (listener) => {
    for await (const connection of listener) connection.close();
  }));
  const reached = [];
  for (const hostname of LOOPBACK) {
    const connection = await Deno.connect({ hostname, port }).catch(() => undefined);
    connection?.close();
    if (connection !== undefined) reached.push(hostname);
  }
  for (const listener of listeners) listener.close();
  await accepted;
  return reached;
}

Deno.test("-D *: both families", async () => {
  const listeners = await LocalListener.open(parseDynamicForward("*:0"));
  const [address] = listeners.map(({ address }) => address);
  assert.ok(address?.kind === "tcp" && address.host === "::" && address.port > 0);
  const accepting = Promise.all(listeners.map(async (listener) => {
    for await (const connection of listener.connections()) connection.close();
  }));
  for (const hostname of LOOPBACK) (await Deno.connect({ hostname, port: address.port })).close();
  for (const listener of listeners) listener[Symbol.dispose]();
  await accepting;
});

Deno.test("*: both families where a socket of IPv6 takes no IPv4", async () => {
  const listeners = listenTcp(
    EVERYWHERE,
    (options) =>
      Deno.listen({ ...options, hostname: options.hostname === "::" ? "::1" : "127.0.0.1" }),
  );
  assert.equal(listeners.length, 2);
  assert.deepEqual(await reachable(listeners), LOOPBACK);
});

Deno.test("*: IPv4 where there is no IPv6", async () => {
  const listeners = listenTcp(EVERYWHERE, (options) => {
    if (options.hostname === "::") throw new Error("Address family not supported by protocol");
    return Deno.listen({ ...options, hostname: "127.0.0.1" });
  });
  assert.deepEqual(await reachable(listeners), ["127.0.0.1"]);
  const sockets = await listenUdp(EVERYWHERE, (options: UdpBindOptions) => {
    if (options.ip === "::") return Promise.reject(new NetError("bind", "no IPv6"));
    return bindUdp(options);
  });
  assert.deepEqual(sockets.map(({ local }) => local.ip), ["0.0.0.0"]);
  await sockets[0]!.close();
});

Deno.test("*: a port that is taken in one family cannot be had", async () => {
  using taken = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = taken.addr;
  await assert.rejects(
    LocalListener.open(parseDynamicForward(`*:${port}`)),
    { message: `cannot listen on [::]:${port}: it is in use already` },
  );
  for (const ip of LOOPBACK) {
    const datagrams = await bindUdp({ ip });
    const target = { host: "::", port: datagrams.local.port };
    await assert.rejects(listenUdp(target), { code: "bind" }, ip);
    await datagrams.close();
    const sockets = await listenUdp(target);
    await Promise.all(sockets.map((socket) => socket.close()));
  }
});

Deno.test("a unix socket takes the place of one that a killed process has left, and of nothing else", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/here.sock`;
  const open = () => LocalListener.open({ kind: "unix", path });
  try {
    const killed = Deno.listen({ transport: "unix", path: `${directory}/former` });
    await Deno.rename(`${directory}/former`, path);
    killed.close();
    const [listener] = await open();
    await assert.rejects(open(), {
      message: `cannot listen on ${path}: it exists, and is in use or no socket`,
    });
    (await Deno.connect({ transport: "unix", path })).close();
    listener![Symbol.dispose]();
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(open(), { message: /no socket/ });
    assert.equal(await Deno.readTextFile(path), "precious");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a unix socket is gone as soon as its listener is closed: the process may end then", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/here.sock`;
  try {
    const [listener] = await LocalListener.open({ kind: "unix", path });
    const accepting = listener!.connections().next();
    listener![Symbol.dispose]();
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    assert.ok((await accepting).done);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--udp -L *: sources of both families are answered", async () => {
  const { from, to } = parseLocalForward("*:0:127.0.0.1:53");
  assert.ok(from.kind === "tcp" && to.kind === "tcp");
  const forward = { from, to: { ...to, kind: "udp" } } as const;
  const echo = () => {
    const [ours, theirs] = MemoryChannel.pair("x", Promise.resolve());
    const flow = new DatagramChannel(theirs);
    (async () => {
      for await (const datagram of flow.datagrams()) flow.send(datagram);
    })();
    return Promise.resolve(ours);
  };
  const forwarding = await DatagramForwarding.open(forward);
  const report = { notice() {}, detail() {} };
  forwarding.start({ open: echo } as unknown as PeerLink, forward, report);
  assert.equal(forwarding.from.host, "::");
  for (const ip of LOOPBACK) {
    const source = await bindUdp({ ip });
    const answer = new Promise<Uint8Array>((resolve) => source.onDatagram = resolve);
    source.send(Uint8Array.of(1, 2, 3), { ip, port: forwarding.from.port });
    assert.deepEqual([...await answer], [1, 2, 3]);
    await source.close();
  }
  await forwarding.close();
});

Deno.test("--allow-remote *: every address, and every IPv4 address; nothing else is covered", async () => {
  const peer = { id: "P", chainIds: ["P"] };
  const isAllowed = async (allowed: string, wanted: string) => {
    const listens = [parseListenTarget(allowed)];
    const policy = await ServicePolicy.create({ services: [], listens });
    const name = formatServiceName({ kind: "listen", ...parseListenTarget(wanted) });
    return typeof policy.decide(name, peer) !== "string";
  };
  assert.ok(await isAllowed("*:80", "*:80"));
  assert.ok(await isAllowed("*:80", ":80"));
  assert.ok(await isAllowed("*:80", "0.0.0.0:80"));
  assert.ok(!await isAllowed("0.0.0.0:80", "*:80"));
  assert.ok(!await isAllowed("*:80", "*:81"));
  assert.ok(!await isAllowed("*:80", "0.0.0.0:81"));
  assert.ok(!await isAllowed("*:80", "80"));
});
