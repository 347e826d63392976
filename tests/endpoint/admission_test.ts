import assert from "node:assert/strict";
import {
  type Channel,
  ChannelError,
  ConnectError,
  Endpoint,
  type EndpointOptions,
  NOT_AUTHORIZED,
  type PeerInfo,
} from "../../mod.ts";
import { PeerSession } from "../../lib/endpoint/peer_session.ts";
import type { Pipe } from "../../lib/net/mod.ts";
import { throwawayAuthority, throwawayIdentity } from "../support/throwaway_identity.ts";

const LOCAL = { interfaces: ["lo"], discovery: false, transport: "tcp" } as const;

async function start(name: string, options: Partial<EndpointOptions> = {}): Promise<Endpoint> {
  return await Endpoint.start({ ...LOCAL, identity: await throwawayIdentity(name), ...options });
}

/** A server with a policy that can be changed, and a client of it. */
async function pair(authorize: (peer: PeerInfo) => string | undefined) {
  const server = await start("server", { authorize });
  const client = await start("client", { bootstrap: [`127.0.0.1:${server.status().dht.port}`] });
  const channels = server.accept("service");
  await server.listen();
  return { server, client, channels, close: () => Promise.all([server.close(), client.close()]) };
}

async function connected(client: Endpoint, server: Endpoint): Promise<Channel> {
  const channel = await client.connect(server.id, "service");
  await channel.opened;
  return channel;
}

function endsAsRefused(reading: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(reading, (error) => {
    assert.ok(error instanceof ChannelError, String(error));
    assert.equal(error.remoteCode, NOT_AUTHORIZED);
    assert.ok(error.reason?.includes(reason), error.message);
    return true;
  });
}

Deno.test("the policy sees what the peer's certificates say", async () => {
  const seen: PeerInfo[] = [];
  const { server, client, channels, close } = await pair((peer) => void seen.push(peer));
  await connected(client, server);
  await channels.next();
  const authority = await throwawayAuthority();
  const [peer] = seen;
  assert.deepEqual(peer!.chainIds, [client.id, authority.id]);
  assert.deepEqual(peer!.subjects, ["client", "throw-away CA"]);
  assert.equal(peer!.serialNumbers.length, 2);
  assert.match(peer!.serialNumbers[0]!, /^[0-9a-f]{32}$/);
  assert.equal(peer!.notAfter.toISOString(), "2036-01-01T00:00:00.000Z");
  assert.deepEqual(server.status().sessions[0]?.peer, peer);
  await close();
});

Deno.test("reauthorize() ends the sessions of peers that are refused now, and no others", async () => {
  const banned = new Set<string>();
  const { server, client, close } = await pair(({ id }) => banned.has(id) ? "banned" : undefined);
  await using other = await start("other", {
    bootstrap: [`127.0.0.1:${server.status().dht.port}`],
  });
  const channel = await connected(client, server);
  const kept = await connected(other, server);
  assert.equal(server.reauthorize(), 0);
  banned.add(client.id);
  const reading = channel.read(new Uint8Array(1));
  assert.equal(server.reauthorize(), 1);
  await endsAsRefused(reading, "banned");
  assert.equal(server.reauthorize(), 0);
  assert.deepEqual(server.status().sessions.map(({ peer }) => peer.id), [other.id]);
  await kept.write(Uint8Array.of(1));
  await assert.rejects(client.connect(server.id, "service"), (error) => {
    assert.ok(error instanceof ConnectError && error.code === "refused", String(error));
    assert.match(error.message, /banned/);
    return true;
  });
  await close();
});

Deno.test("a live session of a peer that is refused meanwhile gets no new channel", async () => {
  let refused = false;
  const { server, client, close } = await pair(() => refused ? "revoked" : undefined);
  await connected(client, server);
  refused = true;
  const second = await client.connect(server.id, "service");
  await endsAsRefused(second.opened, "revoked");
  await close();
});

Deno.test("a peer that is banned while its connection is set up does not stay", async () => {
  let calls = 0;
  const { server, client, close } = await pair(() => ++calls > 1 ? "banned" : undefined);
  const call = client.connect(server.id, "service").then(({ opened }) => opened);
  await endsAsRefused(call, "banned");
  assert.equal(server.status().sessions.length, 0);
  await close();
});

/** The pipes that sessions get while a test runs. */
function watchPipes(): { pipes: Pipe[] } & Disposable {
  const { attach } = PeerSession.prototype;
  const pipes: Pipe[] = [];
  PeerSession.prototype.attach = function (pipe) {
    pipes.push(pipe);
    attach.call(this, pipe);
  };
  return { pipes, [Symbol.dispose]: () => void (PeerSession.prototype.attach = attach) };
}

Deno.test("a session whose peer was banned meanwhile is not resumed, and the peer hears why", async () => {
  using watched = watchPipes();
  let banned = false;
  const { server, client, close } = await pair(() => banned ? "banned" : undefined);
  const channel = await connected(client, server);
  assert.equal(watched.pipes.length, 2);
  const reading = channel.read(new Uint8Array(1));
  banned = true;
  await watched.pipes[0]!.abort();
  await endsAsRefused(reading, "banned");
  assert.equal(client.status().sessions.length, 0);
  assert.equal(server.status().sessions.length, 0);
  await close();
});

Deno.test("a session whose peer is still welcome is resumed", async () => {
  using watched = watchPipes();
  const { server, client, channels, close } = await pair(() => undefined);
  const channel = await connected(client, server);
  const { value: served } = await channels.next();
  const reading = channel.read(new Uint8Array(1));
  await watched.pipes[0]!.abort();
  await served.write(Uint8Array.of(7));
  assert.equal(await reading, 1);
  assert.equal(watched.pipes.length, 4);
  await close();
});

Deno.test("a peer that we dial may ask for what the policy allows it, and no more", async () => {
  const { server, client, channels, close } = await pair(() => undefined);
  await using shy = await start("shy", {
    bootstrap: [`127.0.0.1:${server.status().dht.port}`],
    authorize: () => "nobody may",
  });
  const open = shy.accept("service");
  await shy.listen();
  const channel = await shy.connect(server.id, "service");
  await channels.next();
  const back = await server.connect(shy.id, "service");
  await endsAsRefused(back.opened, "nobody may");
  assert.equal(shy.reauthorize(), 0, "what we dialled was never let in");
  await channel.write(Uint8Array.of(1));
  await open.return?.();
  void client;
  await close();
});

Deno.test("a policy that answers later, or with no text, lets nobody in, who hears of it", async () => {
  for (const answer of [Promise.resolve(undefined), null, false]) {
    const policy = () => answer as unknown as undefined;
    const { server, client, close } = await pair(policy);
    await assert.rejects(client.connect(server.id, "service"), /cannot decide/);
    await close();
  }
});

Deno.test("a policy that throws lets nobody in", async () => {
  const { server, client, close } = await pair(() => {
    throw new Error("a bug");
  });
  await assert.rejects(client.connect(server.id, "service"), /cannot decide/);
  await close();
});
