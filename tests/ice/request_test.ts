import assert from "node:assert/strict";
import { IceAgent, type IceOptions, type Path } from "../../lib/ice/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  ErrorCode,
  IceControlled,
  IceControlling,
  type MessageWriter,
  Method,
  Priority,
  shortTermKey,
  type StunMessage,
  UnknownAttributes,
  UseCandidate,
  Username,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";

const PATH: Path = {
  transport: "udp",
  local: { ip: "192.0.2.1", port: 1000 },
  remote: { ip: "192.0.2.2", port: 2000 },
};
const PEER = { ufrag: "peer", pwd: "p".repeat(24) };
const { bytes: random } = new SeededRandom(7);

/** A controlled agent with one UDP socket. */
function agentAlone(options: Partial<IceOptions> = {}): IceAgent {
  const agent = new IceAgent({ controlling: false, random, now: 0, tieBreaker: 100n, ...options });
  agent.addLocalCandidate({ transport: "udp", type: "host", address: PATH.local });
  return agent;
}

interface RequestParts {
  username?: string | null;
  pwd?: string | null;
  priority?: number | null;
  nominate?: boolean;
  controlled?: boolean;
  tieBreaker?: bigint;
  extra?: (message: MessageWriter) => void;
  fingerprint?: boolean;
}

/** A connectivity check as a peer sends it, or with something wrong. */
function request(agent: IceAgent, parts: RequestParts = {}): Uint8Array {
  const { username = `${agent.local.ufrag}:${PEER.ufrag}`, pwd = agent.local.pwd } = parts;
  const { priority = 1000, fingerprint = true, tieBreaker = 50n } = parts;
  const message = encodeMessage("request", Method.Binding, random(12));
  if (username !== null) message.add(Username, username);
  if (priority !== null) message.add(Priority, priority);
  message.add(parts.controlled ? IceControlled : IceControlling, tieBreaker);
  if (parts.nominate) message.add(UseCandidate, true);
  parts.extra?.(message);
  if (pwd !== null) message.addIntegrity(shortTermKey(pwd));
  if (fingerprint) message.addFingerprint();
  return message.finish();
}

function drain(agent: IceAgent): { path: Path; message: StunMessage }[] {
  const all = [];
  for (let packet; (packet = agent.pollTransmit());) {
    all.push({ path: packet.path, message: decodeMessage(packet.bytes) });
  }
  return all;
}

/** The error code with which a request is answered. */
function errorFor(parts: RequestParts, agent = agentAlone()): number | undefined {
  agent.handlePacket(request(agent, parts), PATH, 0);
  return drain(agent)[0]?.message.get(ErrorCode)?.code;
}

Deno.test("a good request is answered at once, before the peer's credentials are known", () => {
  const agent = agentAlone();
  const bytes = request(agent);
  agent.handlePacket(bytes, PATH, 0);
  const [answer, ...rest] = drain(agent);
  assert.equal(rest.length, 0);
  assert.deepEqual(answer?.path, PATH);
  const { message } = answer!;
  assert.equal(message.messageClass, "success");
  assert.deepEqual(message.transactionId, decodeMessage(bytes).transactionId);
  assert.deepEqual(message.get(XorMappedAddress), PATH.remote);
  assert.equal(message.checkIntegrity(shortTermKey(agent.local.pwd)), "valid");
  assert.equal(message.checkFingerprint(), "valid");
});

Deno.test("an early check is taken up when the credentials come", () => {
  const agent = agentAlone();
  agent.handlePacket(request(agent, { priority: 777 }), PATH, 0);
  drain(agent);
  agent.setRemote(PEER);
  agent.handleTimeout(10);
  const [check] = drain(agent);
  assert.equal(check?.message.messageClass, "request");
  assert.deepEqual(check?.path, PATH);
  const [candidate] = agent.remoteCandidates();
  assert.deepEqual([candidate?.type, candidate?.priority], ["prflx", 777]);
});

Deno.test("early checks of a stranger who knows our password are not taken up", () => {
  const agent = agentAlone();
  agent.handlePacket(request(agent, { username: `${agent.local.ufrag}:else` }), PATH, 0);
  drain(agent);
  agent.setRemote(PEER);
  agent.handleTimeout(10);
  assert.equal(drain(agent).length, 0);
});

Deno.test("a check of another session with our password is answered, and nothing learned", () => {
  const agent = agentAlone();
  agent.setRemote(PEER);
  agent.handlePacket(request(agent, { username: `${agent.local.ufrag}:else` }), PATH, 0);
  assert.deepEqual(drain(agent).map(({ message }) => message.messageClass), ["success"]);
  assert.equal(agent.remoteCandidates().length, 0);
});

Deno.test("a peer-reflexive candidate that is signalled later gets its true type and priority", () => {
  const agent = agentAlone();
  agent.setRemote(PEER);
  agent.handlePacket(request(agent, { priority: 5 }), PATH, 0);
  assert.equal(agent.pairs()[0]?.remoteType, "prflx");
  agent.addRemoteCandidate({
    foundation: "9",
    component: 1,
    transport: "udp",
    priority: 2_000_000_000,
    address: PATH.remote,
    type: "host",
  });
  const [candidate, ...others] = agent.remoteCandidates();
  assert.equal(others.length, 0);
  assert.deepEqual([candidate?.type, candidate?.priority, candidate?.foundation], [
    "host",
    2_000_000_000,
    "9",
  ]);
  assert.deepEqual(agent.pairs().map(({ remoteType }) => remoteType), ["host"]);
});

Deno.test("a released path is answered no more", () => {
  const agent = agentAlone({ acceptNominationMs: 0 });
  agent.setRemote(PEER);
  agent.handlePacket(request(agent, { nominate: true }), PATH, 0);
  drain(agent);
  agent.release(PATH);
  agent.handlePacket(request(agent, { nominate: true }), PATH, 1);
  agent.handleTimeout(100_000);
  assert.equal(drain(agent).length, 0);
  assert.equal(agent.pollTimeout(), undefined);
});

Deno.test("early checks are limited in number", () => {
  const agent = agentAlone({ maxEarlyChecks: 5 });
  for (let port = 1; port <= 50; port++) {
    const remote = { ip: "192.0.2.2", port };
    agent.handlePacket(request(agent), { ...PATH, remote }, 0);
  }
  drain(agent);
  agent.setRemote(PEER);
  agent.handleTimeout(0);
  assert.equal(agent.remoteCandidates().length, 5);
});

Deno.test("a request without integrity gets 400", () => {
  assert.equal(errorFor({ pwd: null }), 400);
  assert.equal(errorFor({ username: null }), 400);
  assert.equal(errorFor({ username: "nocolon" }), 400);
});

Deno.test("a request with a wrong password or an unknown ufrag gets 401, not authenticated", () => {
  assert.equal(errorFor({ pwd: "wrong" }), 401);
  assert.equal(errorFor({ username: "else:peer" }), 401);
  const agent = agentAlone();
  agent.handlePacket(request(agent, { pwd: "wrong" }), PATH, 0);
  const [answer] = drain(agent);
  assert.equal(answer?.message.checkIntegrity(shortTermKey(agent.local.pwd)), "absent");
  assert.equal(agent.stats.requestsRefused, 1);
  assert.equal(agent.stats.requestsReceived, 0);
});

Deno.test("a request with an unknown attribute that must be understood gets 420", () => {
  const agent = agentAlone();
  const extra = (message: MessageWriter) => void message.addRaw(0x7777, new Uint8Array(4));
  agent.handlePacket(request(agent, { extra }), PATH, 0);
  const [answer] = drain(agent);
  assert.equal(answer?.message.get(ErrorCode)?.code, 420);
  assert.deepEqual(answer?.message.get(UnknownAttributes), [0x7777]);
  assert.equal(answer?.message.checkIntegrity(shortTermKey(agent.local.pwd)), "valid");
});

Deno.test("a request without PRIORITY, or with a malformed attribute, gets 400", () => {
  assert.equal(errorFor({ priority: null }), 400);
  assert.equal(errorFor({ priority: 0 }), 400);
  const extra = (message: MessageWriter) =>
    void message.addRaw(UseCandidate.type, new Uint8Array(9));
  assert.equal(errorFor({ extra }), 400);
});

Deno.test("a request without FINGERPRINT is not for ICE", () => {
  const agent = agentAlone();
  agent.handlePacket(request(agent, { fingerprint: false }), PATH, 0);
  assert.equal(drain(agent).length, 0);
  assert.equal(agent.stats.packetsDropped, 1);
});

Deno.test("RFC 3489 clients and ALTERNATE-SERVER are not served", () => {
  const agent = agentAlone();
  const old = request(agent);
  old.fill(0, 4, 8);
  agent.handlePacket(old, PATH, 0);
  assert.equal(drain(agent).length, 0);
});

Deno.test("role conflict: the smaller tie-breaker gets 487 or gives way", () => {
  const conflict = { controlled: true };
  assert.equal(errorFor({ ...conflict, tieBreaker: 101n }), 487, "controlled, ours is smaller");
  const taker = agentAlone();
  taker.handlePacket(request(taker, { ...conflict, tieBreaker: 100n }), PATH, 0);
  assert.equal(drain(taker)[0]?.message.messageClass, "success");
  assert.ok(taker.controlling);
  assert.deepEqual(taker.pollEvent(), { type: "role-changed", controlling: true });
  assert.equal(errorFor({ tieBreaker: 100n }, agentAlone({ controlling: true })), 487);
  const giver = agentAlone({ controlling: true });
  giver.handlePacket(request(giver, { tieBreaker: 101n }), PATH, 0);
  assert.equal(drain(giver)[0]?.message.messageClass, "success");
  assert.ok(!giver.controlling);
});

Deno.test("a check carries role, priority, credentials and fingerprint; only one side nominates", () => {
  for (const controlling of [true, false]) {
    const agent = agentAlone({ controlling });
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
    const [check] = drain(agent);
    const message = check!.message;
    assert.equal(message.get(Username), `${PEER.ufrag}:${agent.local.ufrag}`);
    assert.equal(message.checkIntegrity(shortTermKey(PEER.pwd)), "valid");
    assert.equal(message.checkFingerprint(), "valid");
    assert.equal(message.get(controlling ? IceControlling : IceControlled), 100n);
    assert.equal(message.get(controlling ? IceControlled : IceControlling), undefined);
    assert.equal(Math.floor(message.get(Priority)! / 2 ** 24), 110, "as if peer-reflexive");
    assert.equal(message.get(UseCandidate), undefined);
    const response = encodeMessage("success", Method.Binding, message.transactionId)
      .add(XorMappedAddress, PATH.local).addIntegrity(shortTermKey(PEER.pwd)).addFingerprint();
    agent.handlePacket(response.finish(), PATH, 10);
    const nomination = drain(agent)[0]?.message;
    assert.equal(nomination?.get(UseCandidate), controlling ? true : undefined);
  }
});

Deno.test("a second nomination of another pair is refused with 400, the same one answered again", () => {
  const agent = agentAlone({ acceptNominationMs: 0 });
  agent.setRemote(PEER);
  agent.handlePacket(request(agent, { nominate: true }), PATH, 0);
  agent.handleTimeout(0);
  assert.equal(agent.pollEvent()?.type, "nominated");
  drain(agent);
  agent.handlePacket(request(agent, { nominate: true }), PATH, 1);
  assert.equal(drain(agent)[0]?.message.messageClass, "success");
  const other = { ...PATH, remote: { ip: "192.0.2.2", port: 2001 } };
  agent.handlePacket(request(agent, { nominate: true }), other, 2);
  assert.equal(drain(agent)[0]?.message.get(ErrorCode)?.code, 400);
  agent.handlePacket(request(agent), other, 3);
  assert.equal(drain(agent)[0]?.message.messageClass, "success", "checks are still answered");
  assert.equal(agent.pollEvent(), undefined);
});

Deno.test("a nominated pair whose own check fails ends the session when the letter is followed", () => {
  const agent = agentAlone({ acceptNominationMs: Infinity });
  agent.setRemote(PEER);
  agent.handlePacket(request(agent, { nominate: true }), PATH, 0);
  for (let now = 0; now < 9000; now += 100) agent.handleTimeout(now);
  const event = agent.pollEvent();
  assert.ok(event?.type === "failed" && event.reason === "nomination-failed");
});

Deno.test("indications are taken and not answered", () => {
  const agent = agentAlone();
  const bytes = encodeMessage("indication", Method.Binding, random(12)).addFingerprint().finish();
  agent.handlePacket(bytes, PATH, 0);
  assert.equal(drain(agent).length, 0);
  assert.equal(agent.stats.packetsDropped, 0);
});

Deno.test("an error response is never larger than the request", () => {
  const agent = agentAlone();
  const tiny = encodeMessage("request", Method.Binding, random(12)).addFingerprint().finish();
  agent.handlePacket(tiny, PATH, 0);
  assert.equal(drain(agent).length, 0);
  assert.equal(agent.stats.requestsRefused, 1);
});

Deno.test("packets for a socket that is no candidate are dropped", () => {
  const agent = agentAlone();
  agent.handlePacket(request(agent), { ...PATH, local: { ip: "192.0.2.1", port: 999 } }, 0);
  assert.equal(drain(agent).length, 0);
  const tcp: Path = { ...PATH, transport: "tcp" };
  agent.handlePacket(request(agent), tcp, 0);
  assert.equal(drain(agent).length, 0);
});
