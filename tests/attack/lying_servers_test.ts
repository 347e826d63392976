import assert from "node:assert/strict";
import type { Candidate } from "../../lib/ice/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import {
  BindingClient,
  decodeMessage,
  encodeMessage,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";
import { assertAgreed, IceHost, signalBoth, twoHosts } from "../support/simulated_ice.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";

const VICTIM = "203.0.113.66";
const SERVER = { ip: "198.51.100.1", port: 3478 };

/** Counts what is sent to the victim. */
function watched(): { network: SimulatedNetwork; seen: { datagrams: number; bytes: number } } {
  const network = new SimulatedNetwork({ delayMs: 10 }), seen = { datagrams: 0, bytes: 0 };
  network.host(VICTIM);
  network.tap = ({ to, bytes }) => {
    if (to.ip === VICTIM) {
      seen.datagrams++;
      seen.bytes += bytes.length;
    }
    return true;
  };
  return { network, seen };
}

/** A STUN server that says of everybody the same. */
function lyingServer(network: SimulatedNetwork, mapped: SocketAddress): void {
  const host = network.host(SERVER.ip);
  host.bind(SERVER, (bytes, from) => {
    const { method, transactionId } = decodeMessage(bytes);
    const answer = encodeMessage("success", method, transactionId).add(XorMappedAddress, mapped);
    host.send(SERVER, from, answer.finish());
  });
}

Deno.test("attack: a STUN server that lies about our address costs a candidate, not the connection", () => {
  const { network, seen } = watched();
  lyingServer(network, { ip: VICTIM, port: 53 });
  const [a, b] = twoHosts(network);
  a.srflx(a.udp("192.0.2.1"), SERVER);
  b.srflx(b.udp("192.0.2.2"), SERVER);
  network.clock.run(100);
  assert.ok(a.agent.localCandidates().some(({ address }) => address.ip === VICTIM), "believed");
  signalBoth(a, b);
  network.clock.run(60_000);
  assertAgreed(a, b);
  assert.equal(a.nominated!.remote.ip, "192.0.2.2");
  assert.ok(seen.datagrams <= 20, `${seen.datagrams} checks to the address that it named`);
});

Deno.test("attack: a STUN server that names what cannot be an address of ours", () => {
  const named: SocketAddress[] = [
    { ip: "0.0.0.0", port: 9 },
    { ip: "224.0.0.1", port: 9 },
    { ip: "255.255.255.255", port: 9 },
    { ip: VICTIM, port: 0 },
  ];
  for (const mapped of named) {
    const { network } = watched();
    const [a] = twoHosts(network);
    const base = a.udp("192.0.2.1");
    const client = new BindingClient({ servers: [SERVER], random: network.random.bytes, now: 0 });
    const { transactionId, method } = decodeMessage(client.pollTransmit()!.bytes);
    const answer = encodeMessage("success", method, transactionId).add(XorMappedAddress, mapped);
    client.handleDatagram(answer.finish(), SERVER, 1);
    const event = client.pollEvent()!;
    if (event.type === "failed") continue;
    assert.ok(event.type === "mapped");
    const candidate = { transport: "udp", type: "srflx", base, related: base } as const;
    assert.throws(
      () => a.agent.addLocalCandidate({ ...candidate, address: event.mapped, server: "s" }),
      { code: "bad-candidate" },
      mapped.ip,
    );
  }
});

Deno.test("attack: a peer whose candidates are all somebody else's sends us there for a bounded time", () => {
  const { network, seen } = watched();
  const a = new IceHost(network.host("192.0.2.1"), { controlling: true });
  const b = new IceHost(network.host("192.0.2.2"), { controlling: false });
  a.udp("192.0.2.1");
  const named: Candidate[] = Array.from({ length: 200 }, (_, n) => ({
    foundation: `${n}`,
    component: 1,
    transport: "udp",
    priority: 1_000 + n,
    address: { ip: VICTIM, port: 1_000 + n },
    type: "host",
  }));
  a.signal(b.agent, named);
  network.clock.run(120_000);
  assert.ok(a.of("failed").length > 0 && a.nominated === undefined);
  const { datagrams, bytes } = seen;
  assert.ok(
    datagrams > 0 && datagrams <= 1_000 && bytes <= 200_000,
    `${datagrams}, ${bytes} bytes`,
  );
  network.clock.run(240_000);
  assert.equal(seen.datagrams, datagrams, "and no more once it has failed");
});

Deno.test("attack: checks of who does not know the password change nothing", () => {
  const { network } = watched();
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  const mallory = new IceHost(network.host("192.0.2.99"), { controlling: true });
  mallory.udp("192.0.2.99");
  // Mallory knows a's and b's addresses and user fragments, as an observer of the path does.
  const stranger = { ...b.agent.local, pwd: "0123456789abcdefghijkl" };
  mallory.agent.setRemote(stranger);
  for (const candidate of b.agent.localCandidates()) mallory.agent.addRemoteCandidate(candidate);
  mallory.agent.endOfRemoteCandidates();
  mallory.pump();
  network.clock.run(200);
  signalBoth(a, b);
  network.clock.run(30_000);
  assertAgreed(a, b);
  assert.ok(b.agent.remoteCandidates().every(({ address }) => address.ip !== "192.0.2.99"));
  assert.equal(mallory.nominated, undefined);
});
