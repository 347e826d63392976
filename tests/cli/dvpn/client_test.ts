import assert from "node:assert/strict";
import { VpnClient } from "../../../cmd/dvpn/client.ts";
import { encodeServerGreeting } from "../../../cmd/dvpn/data/greeting.ts";
import type { InterfaceAddress } from "../../../cmd/dvpn/address/address_range.ts";
import type { NetworkPlan } from "../../../cmd/dvpn/plan/network_plan.ts";
import type { Tunnel } from "../../../cmd/dvpn/route/tunnel.ts";
import { RuleBook } from "../../../cmd/dvpn/rules/rule_book.ts";
import type { VpnContext } from "../../../cmd/dvpn/vpn_context.ts";
import type { IpFamily } from "../../../lib/ip/mod.ts";
import { NetError } from "../../../lib/net/net_error.ts";
import { OWN_INTERFACES } from "../../../lib/net/own_interfaces.ts";
import { withInterfaces } from "./host_interfaces.ts";
import { MemoryDevice } from "./memory_device.ts";

const ID = "ab".repeat(32);
const CLIENT = { family: 4, ip: "10.80.77.64", prefix: 24 } as const;
const CLIENT6 = { family: 6, ip: "fd01::64", prefix: 64 } as const;

/** What the client would set up when a server greets with these addresses of its own. */
async function planFor(...server: string[]): Promise<NetworkPlan> {
  return await planOf([4, 6], [CLIENT, CLIENT6], ...server);
}

/** The same on a host that has these families, and with these addresses of the client. */
async function planOf(
  families: readonly IpFamily[],
  client: readonly InterfaceAddress[],
  ...server: string[]
): Promise<NetworkPlan> {
  const tunnel = { plan: () => Promise.resolve([]) };
  return await (await clientOf(families, client, server, tunnel)).plan();
}

/** A client with that tunnel. A server that it loses is an error of its own. */
async function clientOf(
  families: readonly IpFamily[],
  client: readonly InterfaceAddress[],
  server: readonly string[],
  tunnel: object,
): Promise<VpnClient> {
  const greeting = encodeServerGreeting({
    mtu: 1380,
    segmentsUdp: true,
    client,
    server: server.map((ip) =>
      ip.includes(":") ? { family: 6, ip, prefix: 64 } : { family: 4, ip, prefix: 24 }
    ),
    names: { servers: [], search: [] },
  });
  const channel = {
    read: (into: Uint8Array) => (into.set(greeting), Promise.resolve(greeting.length)),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    reset: () => {},
  };
  const datagrams = { maxBytes: 0, send: () => false, onDatagram: () => {}, close: () => {} };
  const stop = new AbortController();
  const context = {
    device: Object.assign(new MemoryDevice(), { name: "t0" }),
    endpoint: {
      id: ID,
      connect: () => Promise.resolve(channel),
      status: () => ({ dht: { port: 1 }, sessions: [] }),
      datagrams: () => datagrams,
    },
    families,
    settings: { device: "t0", mtu: 1380, carry: "auto", script: undefined },
    host: {
      perform: () => Promise.resolve(),
      undo: () => Promise.resolve(),
      remember: () => Promise.resolve(() => Promise.resolve()),
    },
    report: { notice: (text: string) => stop.abort(new Error(text)), detail: () => {} },
    rules: await RuleBook.open(undefined),
    signal: stop.signal,
  } as unknown as VpnContext;
  return new VpnClient(context, ID, tunnel as unknown as Tunnel, undefined);
}

Deno.test("dvpn client: a server takes over no address in a network of the host", async () => {
  const others = Array.from({ length: 40 }, (_, index) => `br${index} 10.9.${index}.1/24`);
  const host = ["lo 127.0.0.1/8", ...others, "eth0 192.168.1.7/24", "eth0 fd99::7/64"];
  await withInterfaces(host, async () => {
    for (const [ip, prefix, here] of [["192.168.1.1", 32, "192.168.1.7/24"], ["fd99::1", 128]]) {
      const refusal = `the server's network ${ip}/${prefix} overlaps that of eth0, ${here ?? ""}`;
      await assert.rejects(planFor(`${ip}`), ({ message }) => message.startsWith(refusal));
    }
    await assert.rejects(planFor("10.80.77.1", "fd99::7"), /overlaps that of eth0/);
    // The prefix is the server's: its whole network is not led to it.
    const plan = JSON.stringify(await planFor("192.168.2.1"));
    assert.match(plan, /"route","add","192\.168\.2\.1\/32"/);
  });
});

Deno.test("dvpn client: what it has from the server is no reason not to come back", async () => {
  OWN_INTERFACES.add("t0");
  try {
    const host = ["eth0 192.168.1.7/24", "t0 10.80.77.64/24", "t0 fd01::64/64"];
    await withInterfaces(host, async () => {
      assert.doesNotMatch(JSON.stringify(await planFor("10.80.77.1", "fd01::1")), /route/);
    });
  } finally {
    OWN_INTERFACES.delete("t0");
  }
});

Deno.test("dvpn client: where IPv6 is switched off, IPv4 is what it takes", async () => {
  await withInterfaces(["eth0 192.168.1.7/24"], async () => {
    const plan = JSON.stringify(await planOf([4], [CLIENT, CLIENT6], "10.80.77.1", "fd01::1"));
    assert.match(plan, /"address","add","10\.80\.77\.64\/24"/);
    assert.doesNotMatch(plan, /fd01/);
    await assert.rejects(planOf([4], [CLIENT6], "fd01::1"), /IPv6 is switched off/);
  });
});

Deno.test("dvpn client: what keeps traffic out of the tunnel is told, and not taken for the server's end", async () => {
  await withInterfaces(["eth0 192.168.1.7/24"], async () => {
    const nothing = () => Promise.resolve();
    const open = () => Promise.reject(new NetError("file", "cannot write the journal"));
    const tunnel = { open, close: nothing, end: nothing };
    const client = await clientOf([4], [CLIENT], ["10.80.77.1"], tunnel);
    await assert.rejects(client.run(), /cannot write the journal/);
  });
});
