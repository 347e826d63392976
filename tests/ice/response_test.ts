import assert from "node:assert/strict";
import fc from "fast-check";
import { IceAgent, type Path } from "../../lib/ice/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  ErrorCode,
  IceControlled,
  IceControlling,
  Method,
  shortTermKey,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { assertAgreed, signalBoth, twoHosts } from "../support/simulated_ice.ts";

const PATH: Path = {
  transport: "udp",
  local: { ip: "192.0.2.1", port: 1000 },
  remote: { ip: "192.0.2.2", port: 2000 },
};
const PEER = { ufrag: "peer", pwd: "p".repeat(24) };
const KEY = shortTermKey(PEER.pwd);

/** An agent that has sent its first check. */
function checking({ controlling = true } = {}): { agent: IceAgent; id: Uint8Array } {
  const { bytes: random } = new SeededRandom(7);
  const agent = new IceAgent({ controlling, random, now: 0, tieBreaker: 100n });
  agent.addLocalCandidate({ transport: "udp", type: "host", address: PATH.local });
  agent.setRemote(PEER);
  agent.addRemoteCandidate({
    foundation: "1",
    component: 1,
    transport: "udp",
    priority: 5000,
    address: PATH.remote,
    type: "host",
  });
  agent.handleTimeout(0);
  const packet = agent.pollTransmit()!;
  return { agent, id: decodeMessage(packet.bytes).transactionId };
}

const success = (id: Uint8Array, key = KEY) =>
  encodeMessage("success", Method.Binding, id).add(XorMappedAddress, PATH.local).addIntegrity(key)
    .addFingerprint().finish();

Deno.test("a response from another address fails the pair (RFC 8445 section 7.2.5.2.1)", () => {
  for (
    const path of [
      { ...PATH, remote: { ip: "192.0.2.2", port: 2001 } },
      { ...PATH, remote: { ip: "192.0.2.3", port: 2000 } },
    ]
  ) {
    const { agent, id } = checking();
    agent.handlePacket(success(id), path, 10);
    assert.equal(agent.pairs()[0]?.state, "failed");
    assert.equal(agent.pairs()[0]?.outcome, "answered from another address");
    assert.equal(agent.pollTransmit(), undefined);
  }
});

Deno.test("a response that arrives on another socket of ours fails the pair too", () => {
  const { agent, id } = checking();
  const other = { ip: "192.0.2.1", port: 1001 };
  agent.addLocalCandidate({ transport: "udp", type: "host", address: other });
  agent.handlePacket(success(id), { ...PATH, local: other }, 10);
  assert.equal(agent.pairs().find(({ local }) => local.port === 1000)?.state, "failed");
});

Deno.test("a forged response is as if it had never come", () => {
  const { agent, id } = checking();
  agent.handlePacket(success(id, shortTermKey("guess")), PATH, 10);
  agent.handlePacket(success(id, shortTermKey("guess")), {
    ...PATH,
    remote: { ip: "192.0.2.9", port: 9 },
  }, 10);
  const unauthenticated = encodeMessage("error", Method.Binding, id)
    .add(ErrorCode, { code: 401, reason: "" }).addFingerprint().finish();
  agent.handlePacket(unauthenticated, PATH, 11);
  assert.equal(agent.pairs()[0]?.state, "in-progress");
  assert.equal(agent.stats.packetsDropped, 3);
  agent.handlePacket(success(id), PATH, 20);
  assert.equal(agent.pairs()[0]?.state, "succeeded");
});

Deno.test("the round trip is measured on requests that were sent once (Karn)", () => {
  const { agent, id } = checking();
  agent.handleTimeout(500);
  assert.ok(agent.pollTransmit());
  agent.handlePacket(success(id), PATH, 510);
  assert.equal(agent.pairs()[0]?.state, "succeeded");
  assert.equal(agent.pairs()[0]?.roundTripMs, undefined);
  const prompt = checking();
  prompt.agent.handlePacket(success(prompt.id), PATH, 30);
  assert.equal(prompt.agent.pairs()[0]?.roundTripMs, 30);
});

Deno.test("a success lets the pairs of its foundation go before others that wait", () => {
  const { agent, id } = checking({ controlling: false });
  const add = (port: number, foundation: string, priority: number) =>
    agent.addRemoteCandidate({
      foundation,
      component: 1,
      transport: "udp",
      priority,
      address: { ip: "192.0.2.2", port },
      type: "host",
    });
  add(2001, "1", 4000);
  add(2002, "2", 3000);
  agent.handlePacket(success(id), PATH, 1);
  agent.handleTimeout(5);
  assert.equal(agent.pollTransmit()?.path.remote.port, 2001);
  agent.handleTimeout(10);
  assert.equal(agent.pollTransmit()?.path.remote.port, 2002);
});

Deno.test("a response to nothing is dropped", () => {
  const { agent } = checking();
  agent.handlePacket(success(new Uint8Array(12)), PATH, 10);
  assert.equal(agent.stats.packetsDropped, 1);
});

Deno.test("an authentic error fails the pair, and so does a response without an address", () => {
  for (
    const build of [
      (id: Uint8Array) =>
        encodeMessage("error", Method.Binding, id).add(ErrorCode, { code: 500, reason: "x" }),
      (id: Uint8Array) => encodeMessage("success", Method.Binding, id),
      (id: Uint8Array) =>
        encodeMessage("success", Method.Binding, id).addRaw(
          XorMappedAddress.type,
          new Uint8Array(3),
        ),
      (id: Uint8Array) =>
        encodeMessage("success", Method.Binding, id).add(XorMappedAddress, PATH.local)
          .addRaw(0x7001, new Uint8Array(0)),
    ]
  ) {
    const { agent, id } = checking();
    agent.handlePacket(build(id).addIntegrity(KEY).addFingerprint().finish(), PATH, 10);
    assert.equal(agent.pairs()[0]?.state, "failed");
  }
});

Deno.test("487: the role is switched, the tie-breaker changed, the pair checked again", () => {
  const { agent, id } = checking();
  const conflict = encodeMessage("error", Method.Binding, id)
    .add(ErrorCode, { code: 487, reason: "" }).addIntegrity(KEY).addFingerprint().finish();
  agent.handlePacket(conflict, PATH, 10);
  assert.ok(!agent.controlling);
  assert.deepEqual(agent.pollEvent(), { type: "role-changed", controlling: false });
  const check = decodeMessage(agent.pollTransmit()!.bytes);
  assert.equal(check.get(IceControlling), undefined);
  assert.notEqual(check.get(IceControlled), undefined);
  assert.notEqual(check.get(IceControlled), 100n);
});

Deno.test("a mapped address that nobody knew becomes a local peer-reflexive candidate", () => {
  const { agent, id } = checking();
  const mapped = { ip: "203.0.113.7", port: 7777 };
  const response = encodeMessage("success", Method.Binding, id).add(XorMappedAddress, mapped)
    .addIntegrity(KEY).addFingerprint().finish();
  agent.handlePacket(response, PATH, 10);
  assert.equal(agent.pairs()[0]?.state, "succeeded");
  assert.equal(agent.localCandidates().length, 1, "it is not for signalling");
  // A relay or server-reflexive candidate at that address later is not mistaken for it.
  agent.addLocalCandidate({ transport: "udp", type: "srflx", address: mapped, base: PATH.local });
  assert.equal(agent.localCandidates().length, 2);
});

Deno.test("thousands of packets of garbage neither throw nor answer nor grow anything", () => {
  const { agent, id } = checking();
  const { bytes: random } = new SeededRandom(99);
  const good = success(id);
  for (let i = 0; i < 5000; i++) {
    const bytes = i % 2 ? random(i % 200) : good.slice();
    if (i % 2 === 0) bytes[i % bytes.length]! ^= 1 + i % 255;
    agent.handlePacket(bytes, PATH, 10);
  }
  assert.equal(agent.pollTransmit(), undefined);
  assert.equal(agent.stats.packetsDropped, 5000);
  assert.equal(agent.pairs()[0]?.state, "in-progress");
});

Deno.test("any bytes on any path are survived", () => {
  const { agent, id } = checking();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (body, response) => {
    const message = encodeMessage(response ? "success" : "request", Method.Binding, id);
    for (let i = 0; i + 8 < body.length; i += 8) {
      message.addRaw(
        body[i]! | (body[i + 1]! & 0x80) << 8,
        body.subarray(i + 2, i + 2 + (body[i + 1]! & 7)),
      );
    }
    agent.handlePacket(message.addFingerprint().finish(), PATH, 10);
    agent.handlePacket(message.addIntegrity(KEY).addFingerprint().finish(), PATH, 10);
    while (agent.pollTransmit());
  }));
});

Deno.test("a wrong password for the peer: fails, and says that the answers were refusals", () => {
  const network = new SimulatedNetwork({ delayMs: 5 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  a.agent.setRemote({ ...b.agent.local, pwd: "x".repeat(24) });
  b.agent.setRemote({ ...a.agent.local, pwd: "y".repeat(24) });
  signalCandidates(a, b);
  network.clock.run(60_000);
  assert.equal(a.of("failed")[0]?.reason, "all-failed");
  assert.match(a.of("failed")[0]?.pairs[0]?.outcome ?? "", /401/);
});

Deno.test("an attacker who answers first from another address changes nothing", () => {
  const network = new SimulatedNetwork({ delayMs: 10 });
  const [a, b] = twoHosts(network);
  a.udp("192.0.2.1");
  b.udp("192.0.2.2");
  const attacker = network.host("192.0.2.66");
  network.tap = ({ from, to, bytes }) => {
    if (from.ip !== "192.0.2.66" && bytes[0] === 0) {
      const { transactionId } = decodeMessage(bytes);
      for (const source of ["192.0.2.66", to.ip]) {
        attacker.send({ ip: source, port: to.port }, from, success(transactionId));
      }
    }
    return true;
  };
  signalBoth(a, b);
  network.clock.run(1000);
  assertAgreed(a, b);
  assert.equal(a.when("nominated"), 40);
});

function signalCandidates(...[a, b]: ReturnType<typeof twoHosts>): void {
  for (const [host, peer] of [[a, b], [b, a]] as const) {
    for (const candidate of peer.agent.localCandidates()) host.agent.addRemoteCandidate(candidate);
    host.agent.endOfRemoteCandidates();
    host.pump();
  }
}
