import assert from "node:assert/strict";
import {
  allocateRelay,
  parseTurnUri,
  type RelayOptions,
  type TurnServer,
  TurnUriError,
} from "../../lib/endpoint/relay/mod.ts";
import { bindUdp, random, systemClock } from "../../lib/net/mod.ts";
import { StreamParser } from "../../lib/turn/stream_parser.ts";
import { TurnError } from "../../lib/turn/mod.ts";
import { type SimulatedServerOptions, SimulatedTurnServer } from "./simulated_server.ts";
import { CREDENTIALS, PEER } from "./simulation.ts";

/** The simulated server on a real UDP port of the loopback. */
async function udpServer(options: SimulatedServerOptions = {}) {
  const core = new SimulatedTurnServer(options);
  const socket = await bindUdp({ ip: "127.0.0.1" });
  socket.onDatagram = (bytes, from) => {
    for (const answer of core.handle(bytes, systemClock.now())) socket.send(answer, from);
  };
  const server: TurnServer = {
    host: "127.0.0.1",
    port: socket.local.port,
    transport: "udp",
    credentials: CREDENTIALS,
  };
  return { core, socket, server };
}

/** The simulated server on a real TCP port of the loopback, for one connection. */
function tcpServer() {
  const core = new SimulatedTurnServer();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const server: TurnServer = {
    host: "127.0.0.1",
    port,
    transport: "tcp",
    credentials: CREDENTIALS,
  };
  const accepted = (async () => {
    const conn = await listener.accept();
    listener.close();
    return conn;
  })();
  const served = accepted.then(async (conn) => {
    const parser = new StreamParser();
    const buffer = new Uint8Array(4096);
    for (let count = await conn.read(buffer); count; count = await conn.read(buffer)) {
      const answers: Uint8Array[] = [];
      parser.push(buffer.slice(0, count), (message) => {
        answers.push(...core.handle(message, systemClock.now()));
      });
      for (const answer of answers) await conn.write(answer);
    }
  }).catch(() => {});
  return { core, server, accepted, served };
}

function allocate(servers: TurnServer[], more: Partial<RelayOptions> = {}) {
  return allocateRelay({ servers, clock: systemClock, random, ...more });
}

async function refusal(work: Promise<unknown>): Promise<TurnError> {
  const error = await work.then(() => assert.fail("it worked"), (error) => error);
  assert.ok(error instanceof TurnError, String(error));
  return error;
}

Deno.test("a relay over UDP carries datagrams and is given back", async () => {
  const { core, socket, server } = await udpServer();
  const relay = await allocate([server]);
  assert.deepEqual(relay.local, { ip: "203.0.113.5", port: 50_000 });
  const arrived = Promise.withResolvers<[Uint8Array, unknown]>();
  relay.onDatagram = (bytes, from) => arrived.resolve([bytes, from]);
  const permitted = Promise.withResolvers<void>();
  const { onDatagram } = socket;
  socket.onDatagram = (bytes, from) => {
    onDatagram(bytes, from);
    for (const { bytes, to } of core.relayedOut.splice(0)) { // the peer echoes
      for (const message of core.fromPeer(to, bytes, systemClock.now())) socket.send(message, from);
      permitted.resolve();
    }
  };
  relay.send(Uint8Array.of(1, 2, 3), PEER);
  await permitted.promise;
  const [bytes, from] = await arrived.promise;
  assert.deepEqual([...bytes], [1, 2, 3]);
  assert.deepEqual(from, PEER);
  await relay.close();
  assert.equal(core.relayed.length, 0);
  await socket.close();
});

Deno.test("a relay over TCP ends with its connection", async () => {
  const { server, accepted, served } = tcpServer();
  const relay = await allocate([server]);
  assert.equal(relay.transport, "tcp");
  const lost = Promise.withResolvers<TurnError>();
  relay.onLost = lost.resolve;
  (await accepted).close();
  assert.equal((await lost.promise).code, "unreachable");
  const late = Promise.withResolvers<TurnError>();
  relay.onLost = late.resolve; // who comes late hears it, too
  assert.equal((await late.promise).code, "unreachable");
  await relay.close();
  await served;
});

Deno.test("the next server is tried as soon as one refuses, and the failure names all of them", async () => {
  const [refusing, good] = [await udpServer({ refuse: () => 486 }), await udpServer()];
  const relay = await allocate([refusing.server, good.server]);
  assert.equal(relay.server.port, good.server.port);
  await relay.close();
  const stranger = { ...good.server, credentials: { username: "mallory", password: "x" } };
  const error = await refusal(allocate([refusing.server, stranger]));
  assert.equal(error.code, "bad-credentials");
  assert.match(error.message, /486/);
  assert.match(error.message, /401/);
  await Promise.all([refusing.socket.close(), good.socket.close()]);
});

Deno.test("a clash with an older allocation is met by another port", async () => {
  const clashing = await udpServer();
  let clashes = 0;
  clashing.core.options.refuse = () => clashes++ === 1 ? 437 : undefined;
  const relay = await allocate([clashing.server]);
  // the refused client asked twice, the next one as well
  assert.equal(clashing.core.log.length, 4);
  await relay.close();
  await clashing.socket.close();
});

Deno.test("no server, an aborted search and a closed relay have their names", async () => {
  assert.equal((await refusal(allocate([]))).code, "unreachable");
  const gone = await refusal(allocate([{ host: "127.0.0.1" }], { signal: AbortSignal.abort() }));
  assert.equal(gone.code, "closed");
  const { socket, server } = await udpServer();
  const strict = await refusal(allocate([server], { localAddresses: ["::1"] }));
  assert.equal(strict.code, "unreachable");
  const relay = await allocate([server]);
  await Promise.all([relay.close(), relay.close()]);
  relay.send(Uint8Array.of(1), PEER);
  assert.equal((await refusal(relay.connect(PEER))).code, "closed");
  await socket.close();
});

Deno.test("turns stands for TLS, turn for its absence", () => {
  assert.deepEqual(parseTurnUri("turn:turn.example.org"), { host: "turn.example.org" });
  assert.deepEqual(parseTurnUri("turn:192.0.2.1:80?transport=tcp"), {
    host: "192.0.2.1",
    port: 80,
    transport: "tcp",
  });
  assert.deepEqual(parseTurnUri("turns:[2001:db8::1]:443"), {
    host: "2001:db8::1",
    port: 443,
    transport: "tls",
  });
  assert.deepEqual(parseTurnUri("turns:a?transport=tcp"), { host: "a", transport: "tls" });
  const wrong = ["turn:", "stun:a", "turns:a?transport=udp", "turn:a?transport=tls", "turn:a:0"];
  for (const text of [...wrong, "turn:a:99999", "turn:a b", "turn:user@a", "turn://a"]) {
    assert.throws(() => parseTurnUri(text), TurnUriError, text);
  }
});
