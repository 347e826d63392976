import assert from "node:assert/strict";
import {
  ChannelNumber,
  Data,
  encodeMessage,
  Icmp,
  Method,
  XorPeerAddress,
} from "../../lib/stun/mod.ts";
import { allocated, PEER, type TurnSimulation } from "./simulation.ts";

const ID = new Uint8Array(12);

function send(simulation: TurnSimulation, byte: number, to = PEER): boolean {
  return simulation.act((client, now) => client.send(to, Uint8Array.of(byte), now));
}

/** Sends a datagram a minute. */
function talk(simulation: TurnSimulation, minutes: number): void {
  for (let i = 0; i < minutes; i++) {
    send(simulation, 0);
    simulation.run(60_000);
  }
}

Deno.test("the first datagram to a peer waits for its permission, and goes then", () => {
  const simulation = allocated();
  assert.ok(send(simulation, 1));
  assert.ok(send(simulation, 2));
  simulation.run(15);
  assert.equal(simulation.server.count(Method.CreatePermission), 1);
  assert.equal(simulation.server.count(Method.Send), 0);
  simulation.run(1_000);
  assert.deepEqual(simulation.server.relayedOut.map(({ bytes }) => bytes[0]), [1, 2]);
  assert.deepEqual(simulation.server.relayedOut[0]!.to, PEER);
  assert.equal(simulation.event("permitted")?.ip, PEER.ip);
});

Deno.test("what waits for a permission is bounded", () => {
  const simulation = allocated();
  const taken = Array.from({ length: 100 }, (_, i) => send(simulation, i));
  assert.equal(taken.filter((ok) => ok).length, 64);
  assert.equal(simulation.client.stats.unsent, 36);
});

Deno.test("a Send indication has the peer's address and the data", () => {
  const simulation = allocated();
  send(simulation, 7);
  simulation.run(1_000);
  const indication = simulation.server.last(Method.Send);
  assert.equal(indication.messageClass, "indication");
  assert.deepEqual(indication.get(XorPeerAddress), PEER);
  assert.deepEqual([...indication.get(Data)!], [7]);
});

Deno.test("a peer that is talked to much gets a channel", () => {
  const simulation = allocated();
  for (let i = 0; i < 20; i++) {
    send(simulation, i);
    simulation.run(100);
  }
  const { relayedOut } = simulation.server;
  assert.deepEqual(relayedOut.map(({ bytes }) => bytes[0]), [...Array(20).keys()]);
  assert.deepEqual(
    relayedOut.map(({ via }) => via),
    [...Array(8).fill("send"), ...Array(12).fill("channel")],
  );
  assert.equal(simulation.event("bound")?.channel, 0x4000);
  assert.deepEqual(simulation.event("bound")?.peer, PEER);
});

Deno.test("a peer of the family that the allocation lacks is not asked for", () => {
  const simulation = allocated();
  const peer6 = { ip: "2001:db8::9", port: 6000 };
  assert.equal(send(simulation, 1, peer6), false);
  assert.equal(simulation.act((client, now) => client.permit(peer6.ip, now)), false);
  simulation.act((client, now) => client.bind(peer6, now));
  simulation.run(10_000);
  assert.equal(simulation.server.count(Method.CreatePermission), 0);
  assert.equal(simulation.server.count(Method.ChannelBind), 0);
});

Deno.test("a permission that is used is refreshed in time", () => {
  const simulation = allocated({ client: { bindAfter: Infinity } });
  for (let minute = 0; minute < 60; minute++) {
    talk(simulation, 1);
    assert.ok(simulation.server.permissions.get(PEER.ip)! > simulation.now);
  }
  assert.equal(simulation.server.relayedOut.length, 60);
  assert.equal(simulation.server.count(Method.CreatePermission), 60 / 4);
  for (const message of simulation.server.log) {
    if (message.method !== Method.CreatePermission) continue;
    assert.equal(message.get(XorPeerAddress)?.ip, PEER.ip);
  }
});

Deno.test("a permission that only receives is refreshed, too", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.permit(PEER.ip, now));
  for (let minute = 0; minute < 60; minute++) {
    simulation.run(60_000);
    simulation.peerSends(PEER, Uint8Array.of(minute));
  }
  assert.equal(simulation.events.filter(({ type }) => type === "data").length, 60);
});

Deno.test("an idle permission and channel are left to expire", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.run(3_600_000);
  const permissions = simulation.server.count(Method.CreatePermission);
  assert.ok(permissions <= 5);
  assert.ok(simulation.server.permissions.get(PEER.ip)! < simulation.now);
  simulation.run(3_600_000);
  assert.equal(simulation.server.count(Method.CreatePermission), permissions);
});

Deno.test("a channel that is used is bound again in time", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.run(100);
  talk(simulation, 120);
  assert.ok(simulation.server.relayedOut.every(({ via }) => via === "channel"));
  assert.equal(simulation.server.relayedOut.length, 120);
  assert.equal(simulation.server.channels.size, 1);
  assert.equal(simulation.server.count(Method.ChannelBind), 120 / 8 + 1);
  assert.equal(simulation.events.filter(({ type }) => type === "bound").length, 1);
});

Deno.test("a channel's number rests for five minutes after it has expired", () => {
  const timing = { channelLifetimeMs: 10_000, permissionLifetimeMs: 10_000, idleMs: 1_000 };
  const simulation = allocated({
    client: { timing },
    server: { channelLifetimeMs: 10_000, permissionLifetimeMs: 10_000 },
  });
  simulation.act((client, now) => client.bind(PEER, now));
  const other = { ip: "192.0.2.10", port: 7000 };
  simulation.run(60_000); // expired; the peer keeps its number, another peer gets another one
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.act((client, now) => client.bind(other, now));
  simulation.run(1_000);
  const numbers = simulation.server.log.filter(({ method }) => method === Method.ChannelBind)
    .map((message) => message.get(ChannelNumber));
  assert.deepEqual([...new Set(numbers)], [0x4000, 0x4001]);
  assert.deepEqual(simulation.server.channels.get(0x4000)?.peer, PEER);
  assert.deepEqual(simulation.server.channels.get(0x4001)?.peer, other);
  simulation.run(400_000); // both have rested: who comes now may get any number
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.run(1_000);
  assert.equal(simulation.server.last(Method.ChannelBind).get(ChannelNumber), 0x4002);
  assert.deepEqual(simulation.server.hasty, []);
});

Deno.test("CHANNEL-NUMBER's reserved bytes are zero", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.run(100);
  const { attributes } = simulation.server.last(Method.ChannelBind);
  const { value } = attributes.find(({ type }) => type === ChannelNumber.type)!;
  assert.deepEqual([...value], [0x40, 0, 0, 0]);
});

Deno.test("datagrams come in by indication and by channel", () => {
  const simulation = allocated();
  simulation.act((client, now) => client.permit(PEER.ip, now));
  simulation.run(100);
  simulation.peerSends(PEER, Uint8Array.of(1, 2, 3));
  simulation.act((client, now) => client.bind(PEER, now));
  simulation.run(100);
  simulation.peerSends(PEER, Uint8Array.of(4, 5));
  simulation.peerSends(PEER, new Uint8Array(0));
  const data = simulation.events.filter((event) => event.type === "data");
  assert.deepEqual(data.map(({ bytes }) => [...bytes]), [[1, 2, 3], [4, 5], []]);
  for (const { from } of data) assert.deepEqual(from, PEER);
  assert.equal(simulation.client.stats.indicationsReceived, 1);
  assert.equal(simulation.client.stats.channelReceived, 2);
});

Deno.test("nothing is taken from a channel or an address that we gave no leave", () => {
  const simulation = allocated();
  simulation.deliver(Uint8Array.of(0x40, 0x07, 0, 1, 9)); // no such channel
  simulation.deliver(Uint8Array.of(0x50, 0x00, 0, 1, 9)); // no channel number at all
  simulation.deliver(Uint8Array.of(0x40, 0x00, 0, 9, 9)); // shorter than it says
  simulation.deliver(
    encodeMessage("indication", Method.Data, ID).add(XorPeerAddress, PEER)
      .add(Data, Uint8Array.of(1)).finish(),
  );
  simulation.deliver(encodeMessage("indication", Method.Data, ID).finish());
  assert.equal(simulation.event("data"), undefined);
  assert.equal(simulation.client.stats.dropped, 5);
});

Deno.test("a Data indication without data tells of an ICMP error", () => {
  const simulation = allocated();
  const icmp = encodeMessage("indication", Method.Data, ID)
    .add(XorPeerAddress, PEER)
    .add(Icmp, { type: 3, code: 4, errorData: 1280 })
    .finish();
  simulation.deliver(icmp);
  assert.deepEqual(simulation.event("icmp"), {
    type: "icmp",
    peer: PEER,
    icmpType: 3,
    icmpCode: 4,
    errorData: 1280,
  });
});

Deno.test("a forbidden peer is reported and left alone; others go on", () => {
  const forbidden = { ip: "192.0.2.66", port: 1 };
  const simulation = allocated({
    server: {
      refuse: (request) =>
        request.method === Method.CreatePermission &&
          request.get(XorPeerAddress)?.ip === forbidden.ip
          ? 403
          : undefined,
    },
  });
  send(simulation, 1, forbidden);
  simulation.run(100);
  const refusal = simulation.event("peer-refused");
  assert.equal(refusal?.ip, forbidden.ip);
  assert.equal(refusal?.error.code, "forbidden");
  assert.equal(send(simulation, 2, forbidden), false);
  simulation.run(1_000);
  assert.equal(simulation.server.count(Method.CreatePermission), 1);
  assert.ok(send(simulation, 3));
  simulation.run(1_000);
  assert.deepEqual(simulation.server.relayedOut.map(({ bytes }) => bytes[0]), [3]);
  simulation.run(30_000); // policies change
  send(simulation, 4, forbidden);
  simulation.run(100);
  assert.equal(simulation.server.count(Method.CreatePermission), 3);
});

Deno.test("where channels are refused, indications do", () => {
  const simulation = allocated({
    server: { refuse: ({ method }) => method === Method.ChannelBind ? 508 : undefined },
  });
  for (let i = 0; i < 30; i++) {
    send(simulation, i);
    simulation.run(100);
  }
  assert.equal(simulation.server.relayedOut.length, 30);
  assert.equal(simulation.server.count(Method.ChannelBind), 1);
  assert.equal(simulation.event("failed"), undefined);
});

Deno.test("permissions, peers and events are bounded", () => {
  const simulation = allocated({ client: { bindAfter: 1 } });
  for (let i = 0; i < 300; i++) {
    simulation.act((client, now) => client.permit(`10.0.${i >> 8}.${i & 255}`, now));
  }
  simulation.run(1_000);
  assert.equal(simulation.server.permissions.size, 256);
  for (let i = 0; i < 600; i++) send(simulation, 1, { ip: "10.0.0.1", port: 1000 + i });
  simulation.run(1_000);
  assert.equal(simulation.server.channels.size, 512);
  assert.equal(simulation.server.relayedOut.length, 600);
});
