/**
 * What our TURN client does with a real server, inside the server's namespace:
 * `turn_scenarios.ts NAME CA_FILE`. Fails by an exception; turn_test.ts says which server each of
 * them needs.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  allocateRelay,
  parseTurnUri,
  type RelayOptions,
  type TurnRelay,
  type TurnServer,
} from "../../lib/endpoint/relay/mod.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import {
  bindUdp,
  type ByteStream,
  dialTcp,
  random,
  systemClock,
  turnOfEventLoop,
} from "../../lib/net/mod.ts";
import { TurnClient, TurnError, type TurnEvent } from "../../lib/turn/mod.ts";
import { eventually } from "./command.ts";
import { ACCOUNT, PEERS, REALM, SECOND, SERVER, SERVER_NAME } from "./coturn.ts";

const [scenario, caFile] = Deno.args;

function server(more: Partial<TurnServer> = {}): TurnServer {
  return { host: SERVER.ip4, credentials: ACCOUNT, ...more };
}

function allocate(servers: TurnServer[], more: Partial<RelayOptions> = {}): Promise<TurnRelay> {
  return allocateRelay({ servers, clock: systemClock, random, ...more });
}

async function refusal(work: Promise<unknown>): Promise<TurnError> {
  const error = await work.then(() => assert.fail("it worked"), (error) => error);
  assert.ok(error instanceof TurnError, String(error));
  return error;
}

/** A UDP peer that sends everything back, in capitals so to speak: each byte plus one. */
async function echoPeer(ip: string) {
  const socket = await bindUdp({ ip });
  const seen: { bytes: Uint8Array; from: SocketAddress }[] = [];
  socket.onDatagram = (bytes, from) => {
    seen.push({ bytes, from });
    socket.send(bytes.map((byte) => byte + 1), from);
  };
  return { address: socket.local, seen, close: () => socket.close() };
}

/** Sends datagrams of some sizes to an echo and checks what comes back. */
async function converse(relay: TurnRelay, ip: string, rounds = 20): Promise<void> {
  const peer = await echoPeer(ip);
  const back: { bytes: Uint8Array; from: SocketAddress }[] = [];
  relay.onDatagram = (bytes, from) => void back.push({ bytes, from });
  for (let i = 0; i < rounds; i++) {
    const length = [1, 2, 3, 100, 1200, 1399][i % 6]!;
    relay.send(new Uint8Array(length).fill(i), peer.address);
    await eventually(`echo ${i}`, () => back.length === i + 1, 3_000);
    assert.equal(back[i]!.bytes.length, length);
    assert.ok(back[i]!.bytes.every((byte) => byte === i + 1));
    assert.deepEqual(back[i]!.from, peer.address);
    assert.deepEqual(peer.seen[i]!.from, relay.address);
  }
  await peer.close();
}

/** Indications first, a channel later, both ways. */
function usedBoth({ stats }: TurnRelay): void {
  assert.ok(stats.indicationsSent > 0 && stats.channelSent > 0, JSON.stringify(stats));
  assert.ok(stats.indicationsReceived > 0 && stats.channelReceived > 0, JSON.stringify(stats));
  assert.equal(stats.unsent, 0);
}

/** Allocates over a transport for a family, talks, and gives the allocation back. */
async function transport(entry: TurnServer, family: 4 | 6): Promise<void> {
  const relay = await allocate([entry], { family });
  assert.equal(relay.transport, entry.transport);
  assert.equal(relay.address.ip, family === 4 ? SERVER.ip4 : SERVER.ip6);
  assert.ok((relay.roundTripMs ?? 0) > 0);
  await converse(relay, family === 4 ? PEERS.ip4 : PEERS.ip6);
  usedBoth(relay);
  await relay.close();
}

const scenarios: Record<string, () => Promise<void>> = {
  async udp() {
    await transport(server({ transport: "udp" }), 4);
    await transport(server({ transport: "udp", host: SERVER.ip6 }), 4);
    await transport(server({ transport: "udp" }), 6);
    await transport(server({ transport: "udp", host: SERVER.ip6 }), 6);
  },

  async tcp() {
    await transport(server({ transport: "tcp" }), 4);
    await transport(server({ transport: "tcp", host: SERVER.ip6 }), 6);
  },

  async tls() {
    const caCertificates = [await Deno.readTextFile(caFile!)];
    const named = { ...parseTurnUri(`turns:${SERVER_NAME}`), credentials: ACCOUNT, caCertificates };
    await transport(named, 4);
    await transport(named, 6);
    await transport({ ...named, host: SERVER.ip4 }, 4);
  },

  async "tls-refused"() {
    const strange = await refusal(allocate([server({ transport: "tls" })]));
    assert.equal(strange.code, "unreachable");
    assert.match(strange.message, /certificate/i);
    const caCertificates = [await Deno.readTextFile(caFile!)];
    const other = server({ transport: "tls", host: SERVER.ip6, caCertificates });
    const misnamed = await refusal(allocate([other])); // the certificate names IPv4 alone
    assert.match(misnamed.message, /certificate/i);
  },

  async name() {
    const relay = await allocate([server({ host: SERVER_NAME })]);
    await converse(relay, PEERS.ip4);
    await relay.close();
    const from6 = await allocate([server({ host: SERVER_NAME })], { localAddresses: [PEERS.ip6] });
    assert.equal(from6.server.ip, SERVER.ip6);
    assert.equal(from6.mapped.ip, PEERS.ip6);
    await from6.close();
    const from4 = await allocate([server({ host: SERVER_NAME, transport: "tcp" })], {
      localAddresses: [PEERS.ip4],
    });
    assert.equal(from4.mapped.ip, PEERS.ip4);
    await from4.close();
    const nobody = await refusal(allocate([server({ host: "nobody.lab.example" })]));
    assert.equal(nobody.code, "unreachable");
    assert.match(nobody.message, /nobody\.lab\.example/);
  },

  async "bad-credentials"() {
    const wrong = { ...ACCOUNT, password: "wrong" };
    for (const transport of ["udp", "tcp"] as const) {
      const error = await refusal(allocate([server({ transport, credentials: wrong })]));
      assert.equal(error.code, "bad-credentials");
      assert.equal(error.stunCode, 401);
    }
    const unknown = { ...ACCOUNT, username: "mallory" };
    const error = await refusal(allocate([server({ credentials: unknown })]));
    assert.equal(error.code, "bad-credentials");
    const { host } = server();
    assert.equal((await refusal(allocate([{ host }]))).code, "bad-credentials");
    const elsewhere = { ...ACCOUNT, realm: "other.example" };
    const misplaced = await refusal(allocate([server({ credentials: elsewhere })]));
    assert.equal(misplaced.code, "bad-credentials");
    assert.match(misplaced.message, new RegExp(REALM));
    const right = await allocate([server({ credentials: { ...ACCOUNT, realm: REALM } })]);
    await right.close();
  },

  async quota() {
    const first = await allocate([server({ transport: "udp" })]);
    const error = await refusal(allocate([server({ transport: "udp" })]));
    assert.equal(error.code, "quota");
    assert.equal(error.stunCode, 486);
    await first.close();
    let again: TurnRelay | undefined;
    await eventually("the quota is free", async () => { // coturn takes its time
      again = await allocate([server({ transport: "udp" })]).catch(() => undefined);
      return again !== undefined;
    }, 10_000);
    await again?.close();
  },

  /** Two clients from one port: the second is refused, as after a crash of ours. */
  async mismatch() {
    const socket = await bindUdp({ ip: PEERS.ip4 });
    const events: TurnEvent["type"][] = [];
    let failure: TurnError | undefined;
    for (let i = 0; i < 2; i++) {
      const client = new TurnClient({
        transport: "datagram",
        credentials: ACCOUNT,
        random,
        now: systemClock.now(),
      });
      const turn = () => {
        for (let out = client.pollTransmit(); out; out = client.pollTransmit()) {
          socket.send(out, { ip: SERVER.ip4, port: 3478 });
        }
        for (let event = client.pollEvent(); event; event = client.pollEvent()) {
          events.push(event.type);
          if (event.type === "failed") failure = event.error;
        }
      };
      socket.onDatagram = (bytes) => {
        client.handleServerDatagram(bytes, systemClock.now());
        turn();
      };
      turn();
      await eventually("an answer", () => events.length === i + 1, 3_000);
    }
    assert.deepEqual(events, ["allocated", "failed"]);
    assert.equal(failure?.code, "allocation-mismatch");
    assert.equal(failure?.stunCode, 437);
    await socket.close();
  },

  /** The server's nonces live for a second; conversation, refreshes and the end go on. */
  async "stale-nonce"() {
    const relay = await allocate([server({ transport: "udp" })]);
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      await converse(relay, i % 2 === 0 ? PEERS.ip4 : SECOND.ip4);
    }
    await relay.close();
  },

  async family() {
    const error = await refusal(allocate([server({ transport: "udp" })], { family: 6 }));
    assert.equal(error.code, "family");
    assert.equal(error.stunCode, 440);
    const relay = await allocate([server({ transport: "udp" })], { family: 4 });
    const refused: string[] = [];
    relay.onRefused = (ip) => void refused.push(ip);
    relay.send(Uint8Array.of(1), { ip: PEERS.ip6, port: 9 });
    assert.equal(relay.stats.unsent, 1);
    await relay.close();
  },

  async forbidden() {
    const relay = await allocate([server()]);
    const refused: [string, string][] = [];
    relay.onRefused = (ip, { code }) => void refused.push([ip, code]);
    relay.send(Uint8Array.of(1), { ip: PEERS.ip4, port: 9 });
    await eventually("the refusal", () => refused.length > 0, 3_000);
    assert.deepEqual(refused, [[PEERS.ip4, "forbidden"]]);
    await converse(relay, SECOND.ip4);
    await relay.close();
  },

  /** The server's lifetimes are a few seconds: refreshed in time, nothing is lost. */
  async refresh() {
    const timing = { permissionLifetimeMs: 4_000, channelLifetimeMs: 5_000 };
    const relay = await allocate([server({ transport: "udp" })], { timing });
    let lost: TurnError | undefined;
    relay.onLost = (error) => lost = error;
    const peer = await echoPeer(PEERS.ip4);
    let back = 0;
    relay.onDatagram = () => void back++;
    for (let i = 0; i < 60; i++) {
      relay.send(Uint8Array.of(i), peer.address);
      await eventually(`echo ${i}`, () => back === i + 1, 2_000);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.equal(lost, undefined);
    assert.ok(relay.stats.channelSent > 40, JSON.stringify(relay.stats));
    await relay.close();
    await peer.close();
  },

  /** Not refreshed, permissions and channels really end at such a server. */
  async expiry() {
    const relay = await allocate([server({ transport: "udp" })]);
    const peer = await echoPeer(PEERS.ip4);
    let back = 0;
    relay.onDatagram = () => void back++;
    relay.send(Uint8Array.of(1), peer.address);
    await eventually("the echo", () => back === 1, 2_000);
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    relay.send(Uint8Array.of(2), peer.address);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(peer.seen.length, 1);
    await relay.close();
    await peer.close();
  },

  async redirect() {
    const relay = await allocate([server({ transport: "udp" })]);
    assert.equal(relay.server.ip, SECOND.ip4);
    await converse(relay, PEERS.ip4);
    await relay.close();
  },

  async "redirect-loop"() {
    const error = await refusal(allocate([server({ transport: "udp" })]));
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /names another one/);
  },

  /** No UDP to the server: TCP takes over. */
  async "udp-blocked"() {
    const before = systemClock.now();
    const relay = await allocate([server()]);
    assert.equal(relay.transport, "tcp");
    assert.ok(systemClock.now() - before < 3_000);
    await converse(relay, PEERS.ip4);
    await relay.close();
  },

  /** The first server is dead, the second unknown, the third refuses, the fourth does it. */
  async "fail-over"() {
    const before = systemClock.now();
    const dead = server({ host: "10.77.0.8" });
    const wrong = server({ credentials: { ...ACCOUNT, password: "wrong" } });
    const relay = await allocate([dead, server({ host: "nobody.lab.example" }), wrong, server()]);
    assert.ok(systemClock.now() - before < 4_000);
    assert.equal(relay.server.ip, SERVER.ip4);
    await relay.close();
    const alone = await refusal(allocate([dead], { timeoutMs: 2_000 }));
    assert.equal(alone.code, "unreachable");
    const both = await refusal(allocate([dead, wrong], { timeoutMs: 2_500 }));
    assert.equal(both.code, "bad-credentials");
    assert.match(both.message, /10\.77\.0\.8/);
  },

  async "tcp-relay"() {
    const relay = await allocate([server()], { relay: "tcp" });
    const listener = Deno.listen({ hostname: PEERS.ip4, port: 0 });
    const ours = relay.connect({ ip: PEERS.ip4, port: listener.addr.port });
    const theirs = await listener.accept();
    assert.deepEqual(theirs.remoteAddr.hostname, relay.address.ip);
    await theirs.write(new TextEncoder().encode("first"));
    await exchange(await ours, theirs);
    listener.close();

    const closed = await refusal(relay.connect({ ip: PEERS.ip4, port: 1 }));
    assert.equal(closed.code, "connection-failed");

    const incoming = Promise.withResolvers<ByteStream>();
    relay.onConnection = (stream) => incoming.resolve(stream);
    relay.permit(SECOND.ip4);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const dialled = await dialTcp(relay.address, { localIp: SECOND.ip4 });
    await dialled.write(new TextEncoder().encode("first"));
    const accepted = await incoming.promise;
    assert.deepEqual(accepted.remote, dialled.local);
    assert.deepEqual(accepted.local, relay.address);
    assert.equal(await text(accepted, 5), "first");
    await accepted.write(new TextEncoder().encode("answer"));
    assert.equal(await text(dialled, 6), "answer");
    await Promise.all([accepted.release(), dialled.release()]);
    await relay.close();
  },

  async "lost-connection"() {
    const relay = await allocate([server({ transport: "tcp" })]);
    const lost = Promise.withResolvers<TurnError>();
    relay.onLost = lost.resolve;
    console.log("allocated"); // the server is killed now
    assert.equal((await lost.promise).code, "unreachable");
    await relay.close();
  },

  async restart() {
    const relay = await allocate([server({ transport: "udp" })]);
    await converse(relay, PEERS.ip4);
    const lost = Promise.withResolvers<TurnError>();
    relay.onLost = lost.resolve;
    console.log("allocated"); // the server is started anew now
    const timer = setInterval(() => relay.permit(`10.78.0.${random(1)[0]}`), 200);
    assert.equal((await lost.promise).code, "allocation-mismatch");
    clearInterval(timer);
    await relay.close();
    const again = await allocate([server({ transport: "udp" })]);
    await converse(again, PEERS.ip4);
    await again.close();
  },

  /** Two allocations talk through the server, bulk in both directions. */
  async bulk() {
    for (const transport of ["udp", "tcp"] as const) {
      const [a, b] = [await allocate([server({ transport })]), await allocate([server()])];
      let received = 0;
      b.onDatagram = () => void received++;
      a.permit(b.address.ip);
      a.bind(b.address);
      b.bind(a.address);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const payload = random(1200);
      const start = systemClock.now();
      let sent = 0;
      while (systemClock.now() - start < 1_500) {
        for (let i = 0; i < 32; i++) a.send(payload, b.address);
        sent += 32;
        // a window of 256 datagrams; what is lost is not waited for long
        const patience = systemClock.now() + 20;
        while (received < sent - 256 && systemClock.now() < patience) await turnOfEventLoop();
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
      const rate = received * 1200 / (systemClock.now() - start) / 1000;
      console.log(`${transport}: ${received} of ${sent} datagrams, ${rate.toFixed(1)} MB/s`);
      assert.ok(received > 1_000);
      assert.equal(a.stats.channelSent + a.stats.unsent, sent);
      await Promise.all([a.close(), b.close()]);
    }
  },
};

async function text(stream: ByteStream, length: number): Promise<string> {
  const buffer = new Uint8Array(length);
  let offset = 0;
  while (offset < length) {
    const count = await stream.read(buffer.subarray(offset));
    assert.ok(count, "the stream ended early");
    offset += count;
  }
  return new TextDecoder().decode(buffer);
}

/** The peer has said "first"; a mebibyte goes there, its sum comes back, and both ends. */
async function exchange(ours: ByteStream, theirs: Deno.TcpConn): Promise<void> {
  assert.equal(await text(ours, 5), "first");
  const bulk = new Uint8Array(1 << 20).fill(1);
  const counted = (async () => {
    let sum = 0;
    const buffer = new Uint8Array(65_536);
    while (sum < bulk.length) sum += await theirs.read(buffer) ?? assert.fail("ended early");
    await theirs.write(new TextEncoder().encode(String(sum)));
  })();
  await ours.write(bulk);
  assert.equal(await text(ours, 7), String(1 << 20));
  await counted;
  theirs.close();
  const end = await ours.read(new Uint8Array(1)).catch(() => null); // coturn ends it by a reset
  assert.equal(end, null);
  await ours.release();
}

await scenarios[scenario!]!();
