import assert from "node:assert/strict";
import {
  type Channel,
  ChannelError,
  ConnectError,
  type ConnectErrorCode,
  Endpoint,
  type EndpointOptions,
} from "../../mod.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

const ABSENT_ID = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

async function start(name: string, options: Partial<EndpointOptions> = {}): Promise<Endpoint> {
  return await Endpoint.start({
    identity: await throwawayIdentity(name),
    interfaces: ["lo"],
    discovery: false,
    ...options,
  });
}

/** An endpoint that joins the DHT through another one. */
async function join(
  other: Endpoint,
  name: string,
  options: Partial<EndpointOptions> = {},
): Promise<Endpoint> {
  return await start(name, { bootstrap: [`127.0.0.1:${other.status().dht.port}`], ...options });
}

/** Serves echoes until its endpoint is closed. */
async function serveEcho(endpoint: Endpoint): Promise<void> {
  const channels = endpoint.accept("echo");
  await endpoint.listen();
  (async () => {
    for await (const channel of channels) {
      channel.readable.pipeTo(channel.writable).catch(() => {});
    }
  })();
}

async function roundTrip(channel: Channel, text: string): Promise<string> {
  await channel.write(new TextEncoder().encode(text));
  await channel.closeWrite();
  return await new Response(channel.readable).text();
}

async function rejectsWith(promise: Promise<unknown>, code: ConnectErrorCode, text: RegExp) {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof ConnectError, `a ConnectError, not ${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
}

for (const transport of ["tcp", "quic", "auto"] as const) {
  Deno.test(`connect() reaches a peer by its id, transport ${transport}`, async () => {
    await using server = await start("server", { transport });
    await serveEcho(server);
    await using client = await join(server, "client", { transport });
    const channel = await client.connect(server.id.toUpperCase(), "echo");
    assert.equal(await roundTrip(channel, "hello"), "hello");
    // On a busy machine loopback looks like a long way, on which datagrams come before the pipe.
    for (let i = 0; i < 500 && client.status().sessions[0]?.path?.kind === "udp"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [session] = client.status().sessions;
    assert.equal(session?.peer.id, server.id);
    assert.equal(session?.path?.kind, transport === "auto" ? "tcp" : transport);
    assert.ok(session!.bytesSent > 0 && session!.bytesReceived > 0);
    // A second channel takes the same session.
    assert.equal(await roundTrip(await client.connect(server.id, "echo"), "again"), "again");
    assert.equal(client.status().sessions.length, 1);
  });
}

Deno.test("calls at the same time to one peer share one session", async () => {
  await using server = await start("server");
  await serveEcho(server);
  await using client = await join(server, "client");
  const texts = ["a", "b", "c"];
  const answers = await Promise.all(
    texts.map(async (text) => roundTrip(await client.connect(server.id, "echo"), text)),
  );
  assert.deepEqual(answers, texts);
  assert.equal(client.status().sessions.length, 1);
});

Deno.test("two peers that call each other at the same moment end with one session", async () => {
  await using one = await start("one");
  await using other = await join(one, "other");
  await Promise.all([serveEcho(one), serveEcho(other)]);
  const [fromOne, fromOther] = await Promise.all([
    one.connect(other.id, "echo"),
    other.connect(one.id, "echo"),
  ]);
  assert.equal(await roundTrip(fromOne, "1"), "1");
  assert.equal(await roundTrip(fromOther, "2"), "2");
  assert.equal(one.status().sessions.length, 1);
  assert.equal(other.status().sessions.length, 1);
});

Deno.test("two programs of one device talk to each other", async () => {
  const identity = await throwawayIdentity("device");
  await using server = await start("server", { identity });
  await serveEcho(server);
  await using client = await join(server, "client", { identity });
  assert.equal(await roundTrip(await client.connect(identity.id, "echo"), "self"), "self");
});

Deno.test("a channel that nothing serves is declined with the reason", async () => {
  await using server = await start("server");
  await server.listen();
  await using client = await join(server, "client");
  const channel = await client.connect(server.id, "no such thing");
  await assert.rejects(channel.opened, (error) => {
    assert.ok(error instanceof ChannelError && error.code === "declined");
    assert.match(error.message, /nothing serves "no such thing"/);
    return true;
  });
});

Deno.test("incoming() tells who asks for what, and may decline", async () => {
  await using server = await start("server");
  const incoming = server.incoming();
  await server.listen();
  await using client = await join(server, "client");
  const channel = await client.connect(server.id, "a service");
  const { value: request } = await incoming.next();
  assert.equal(request.peer.id, client.id);
  assert.equal(request.name, "a service");
  request.decline(300, "not today");
  await assert.rejects(channel.opened, /not today/);
});

Deno.test("a peer that policy refuses hears why", async () => {
  await using server = await start("server", {
    authorize: ({ id }) => `${id.slice(0, 8)} is not on the list`,
  });
  await serveEcho(server);
  await using client = await join(server, "client");
  const reason = new RegExp(`refused.*${client.id.slice(0, 8)} is not on the list`);
  await rejectsWith(client.connect(server.id, "echo"), "refused", reason);
  assert.equal(client.status().sessions.length, 0);
});

Deno.test("sides that have no transport in common hear it", async () => {
  await using server = await start("server", { transport: "tcp" });
  await serveEcho(server);
  await using client = await join(server, "client", { transport: "quic" });
  await rejectsWith(client.connect(server.id, "echo"), "transport", /only tcp/);
});

Deno.test("an id that nobody has is unreachable, in the time given", async () => {
  await using node = await start("node", { dhtClient: false });
  await using client = await join(node, "client");
  const call = client.connect(ABSENT_ID, "echo", { timeoutMs: 1500 });
  await rejectsWith(call, "unreachable", /no answer from d75a98.*offline/);
});

Deno.test("an endpoint is a node of the DHT from when it listens", async () => {
  await using node = await start("node", { dhtClient: false });
  await using server = await join(node, "server");
  await using caller = await join(node, "caller");
  const knownTo = ({ nodes }: { nodes: number }) => nodes;
  for (const one of [server, caller]) {
    await rejectsWith(one.connect(ABSENT_ID, "echo", { timeoutMs: 500 }), "unreachable", /offline/);
  }
  assert.equal(knownTo(node.status().dht), 0, "two clients");
  await server.listen();
  for (let waits = 0; knownTo(node.status().dht) < 1; waits++) {
    assert.ok(waits < 1_000, "the node has not heard of it");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(knownTo(node.status().dht), 1);
});

Deno.test("without any DHT node the error says so", async () => {
  await using client = await start("client", { bootstrap: ["127.0.0.1:9"] });
  const call = client.connect(ABSENT_ID, "echo", { timeoutMs: 500 });
  await rejectsWith(call, "no-network", /127\.0\.0\.1:9 did not answer.*discovery is off/);
});

Deno.test("a call can be given up", async () => {
  await using client = await start("client");
  const giveUp = new AbortController();
  const call = client.connect(ABSENT_ID, "echo", { signal: giveUp.signal });
  giveUp.abort();
  await rejectsWith(call, "aborted", /given up/);
  await client.close();
  await rejectsWith(client.connect(ABSENT_ID, "echo"), "aborted", /closed/);
});

Deno.test("what was written before close() arrives, and both sides forget the session", async () => {
  await using server = await start("server");
  const channels = server.accept("sink");
  await server.listen();
  const client = await join(server, "client");
  const bytes = new Uint8Array(3_000_000).fill(7);
  const sent = client.connect(server.id, "sink").then((channel) => channel.write(bytes));
  const { value: channel } = await channels.next();
  const received = new Response(channel.readable).bytes();
  await sent;
  await client.close();
  assert.deepEqual(await received, bytes);
  assert.equal(server.status().sessions.length, 0);
});

Deno.test("disconnect() ends the sessions with one peer; the next call makes a new one", async () => {
  await using server = await start("server");
  await serveEcho(server);
  await using client = await join(server, "client");
  assert.equal(await roundTrip(await client.connect(server.id, "echo"), "1"), "1");
  await client.disconnect(server.id);
  assert.equal(client.status().sessions.length, 0);
  assert.equal(await roundTrip(await client.connect(server.id, "echo"), "2"), "2");
});

Deno.test("one device does not take all sessions", async () => {
  await using server = await start("server", { maxSessions: 3 });
  await serveEcho(server);
  const programs = await Promise.all([1, 2, 3].map(() => join(server, "busy")));
  await using other = await join(server, "other");
  try {
    for (const program of programs.slice(0, 2)) {
      assert.equal(await roundTrip(await program.connect(server.id, "echo"), "first"), "first");
    }
    await rejectsWith(programs[2]!.connect(server.id, "echo"), "busy", /too many sessions/);
    assert.equal(await roundTrip(await other.connect(server.id, "echo"), "hello"), "hello");
  } finally {
    await Promise.all(programs.map((program) => program.close()));
  }
});
