import assert from "node:assert/strict";
import { Endpoint, type EndpointOptions, type TraceEvent } from "../../mod.ts";
import { Door, doorOffer, knock, type KnownDoor, KnownDoors } from "../../lib/endpoint/door/mod.ts";
import { PROOF_BYTES } from "../../lib/endpoint/door/proof.ts";
import { MAX_VISITS_PER_IP, VISIT_REQUEST_TIMEOUT_MS } from "../../lib/endpoint/door/door.ts";
import type { Visit } from "../../lib/endpoint/door/visit.ts";
import {
  createRequest,
  Listening,
  RequestGuard,
  SignallingError,
} from "../../lib/endpoint/signalling/mod.ts";
import { encodeFrame } from "../../lib/endpoint/signalling/stream_frame.ts";
import { type Identity, verifyChain } from "../../lib/identity/mod.ts";
import {
  dialTcp,
  listenTcp,
  type Pipe,
  random,
  StreamPipe,
  systemClock,
} from "../../lib/net/mod.ts";
import { ML_KEM_768 } from "../../lib/noise/mod.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

const LOCAL = { interfaces: ["lo"], discovery: false } as const;

async function serve(options: Partial<EndpointOptions> & { identity: Identity }) {
  const server = await Endpoint.start({ ...LOCAL, ...options });
  const channels = server.accept("echo");
  await server.listen();
  (async () => {
    for await (const channel of channels) {
      channel.readable.pipeTo(channel.writable).catch(() => {});
    }
  })();
  return server;
}

async function callerOf(server: Endpoint, options: Partial<EndpointOptions> = {}) {
  const identity = await throwawayIdentity("caller");
  const events: TraceEvent[] = [];
  const caller = await Endpoint.start({
    ...LOCAL,
    identity,
    bootstrap: [`127.0.0.1:${server.status().dht.port}`],
    trace: (event) => void events.push(event),
    ...options,
  });
  return { caller, events };
}

/** Calls, hangs up, and tells whether that took connectivity checks. */
async function call(caller: Endpoint, events: TraceEvent[], peerId: string) {
  events.length = 0;
  const channel = await caller.connect(peerId, "echo");
  await channel.write(new TextEncoder().encode("hello"));
  await channel.closeWrite();
  assert.equal(await new Response(channel.readable).text(), "hello");
  // On a busy machine loopback looks like a long way: the lasting pipe comes after the first bytes.
  for (let i = 0; i < 500 && caller.status().sessions[0]?.path?.kind === "udp"; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const path = caller.status().sessions[0]?.path;
  await caller.disconnect(peerId);
  return {
    kind: path?.kind,
    remote: path?.remote,
    byDoor: !events.some(({ type }) => type === "nominated"),
  };
}

/** The next call comes by the door; on a busy machine the carrier is sometimes quicker. */
async function comesByDoor(caller: Endpoint, events: TraceEvent[], peerId: string) {
  for (let tries = 0; tries < 5; tries++) {
    const { kind, remote, byDoor } = await call(caller, events, peerId);
    if (byDoor) return { kind, remote: remote! };
  }
  assert.fail(`never by the door, but: ${events.map(({ type }) => type).join(" ")}`);
}

for (const transport of ["tcp", "quic", "auto"] as const) {
  Deno.test(`who has called before comes by the door, transport ${transport}`, async () => {
    await using server = await serve({ identity: await throwawayIdentity("server"), transport });
    const { caller, events } = await callerOf(server, { transport });
    await using _ = caller;
    const kind = transport === "auto" ? "tcp" : transport;
    const first = await call(caller, events, server.id);
    assert.deepEqual([first.kind, first.byDoor], [kind, false]);
    assert.equal((await comesByDoor(caller, events, server.id)).kind, kind);
    assert.equal((await comesByDoor(caller, events, server.id)).kind, kind);
    assert.equal(server.status().sessions.length, 0);
  });
}

Deno.test("a caller that wants QUIC does not take a door that speaks TCP", async () => {
  await using server = await serve({ identity: await throwawayIdentity("server") });
  const { caller, events } = await callerOf(server, { transport: "quic" });
  await using _ = caller;
  await call(caller, events, server.id);
  const { kind, byDoor } = await call(caller, events, server.id);
  assert.deepEqual([kind, byDoor], ["quic", false]);
});

Deno.test("a listener that is somewhere else by now is called by the carrier", async () => {
  const identity = await throwawayIdentity("server");
  await using node = await Endpoint.start({
    ...LOCAL,
    dhtClient: false,
    identity: await throwawayIdentity("node"),
  });
  const bootstrap = [`127.0.0.1:${node.status().dht.port}`];
  const before = await serve({ identity, bootstrap });
  const { caller, events } = await callerOf(node);
  await using _ = caller;
  await call(caller, events, identity.id);
  await comesByDoor(caller, events, identity.id);
  await before.close();
  await using _after = await serve({ identity, bootstrap });
  assert.equal((await call(caller, events, identity.id)).byDoor, false);
  await comesByDoor(caller, events, identity.id);
});

Deno.test("policy is asked at the door, too", async () => {
  const refusals: string[] = [];
  await using server = await serve({
    identity: await throwawayIdentity("server"),
    authorize: () => refusals[0],
  });
  const { caller, events } = await callerOf(server);
  await using _ = caller;
  await call(caller, events, server.id);
  refusals.push("not any more");
  // On a busy machine the carrier is sometimes asked as well.
  for (let tries = 0; tries === 0 || asksTheCarrier(events); tries++) {
    assert.ok(tries < 5, "the refusal counts");
    await assert.rejects(call(caller, events, server.id), /refused.*not any more/);
  }
});

function asksTheCarrier(events: readonly TraceEvent[]): boolean {
  return events.some(({ type }) => type === "gathering");
}

Deno.test("known doors are bounded; one that keeps us waiting gets no head start", () => {
  let now = 0;
  const doors = new KnownDoors({ ...systemClock, now: () => now });
  const at = (port: number): KnownDoor => ({
    address: { ip: "127.0.0.1", port },
    localIp: "127.0.0.1",
    sha256: undefined,
  });
  doors.learn("a", at(9));
  assert.deepEqual(doors.of("a"), at(9));
  assert.ok(doors.isQuick("a"));
  doors.tarried("a", at(9));
  doors.learn("a", at(9));
  assert.ok(!doors.isQuick("a"), "told of again, there may be a firewall in front of it");
  doors.opened("a", at(9));
  assert.ok(doors.isQuick("a"));
  doors.tarried("a", at(9));
  doors.learn("a", at(10));
  assert.ok(doors.isQuick("a"), "another one");
  doors.forget("a", at(9));
  assert.deepEqual(doors.of("a"), at(10), "learned of meanwhile");
  doors.forget("a", at(10));
  assert.equal(doors.of("a"), undefined);
  doors.learn("a", at(9));
  now += 30 * 60_000;
  assert.equal(doors.of("a"), undefined, "nobody has been there for long");
  for (let i = 0; i < 1_000; i++) doors.learn(`${i}`, at(9));
  assert.equal(doors.of("0"), undefined, "bounded");
  assert.deepEqual(doors.of("999"), at(9));
  doors.clear();
  assert.equal(doors.of("999"), undefined);
});

/** A door of bob's, with what it takes to answer there. */
async function doorOfBob() {
  const [alice, bob] = await Promise.all([throwawayIdentity("alice"), throwawayIdentity("bob")]);
  const guard = new RequestGuard();
  const common = { random, kem: ML_KEM_768, wallClock: Date.now, verifyChain };
  const listening = new Listening({ ...common, identity: bob, guard });
  const visits: Visit[] = [];
  let wake = () => {};
  const door = new Door({
    interfaces: ["lo"],
    credentials: undefined,
    clock: systemClock,
    onVisit: (visit) => {
      visits.push(visit);
      wake();
    },
  });
  const nextVisit = async (): Promise<Visit> => {
    while (visits.length === 0) await new Promise<void>((resolve) => wake = resolve);
    return visits.shift()!;
  };
  const request = async (way: "door" | "carrier") => {
    const encapsulationKeys = await ML_KEM_768.generateKeyPair();
    const offer = doorOffer({});
    const options = { identity: alice, listenerId: bob.id, offer, encapsulationKeys, way };
    return createRequest({ ...common, ...options });
  };
  const address = { ip: "127.0.0.1", port: door.port! };
  const known: KnownDoor = { address, localIp: "127.0.0.1", sha256: undefined };
  const connect = async () => new StreamPipe(await dialTcp(address, {}));
  const read = (sealed: Uint8Array, way: "door" | "carrier") =>
    listening.readRequest(sealed, { source: "test", now: 0, way });
  return { door, known, nextVisit, request, connect, read };
}

async function rejectsCode(promise: Promise<unknown>, code: string) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof SignallingError, `${error}`);
    assert.equal(error.code, code);
    return true;
  });
}

const never = new AbortController().signal;

Deno.test("a request for one way is none on the other, and leaves that one open", async () => {
  const { door, request, read } = await doorOfBob();
  for (const [made, brought] of [["carrier", "door"], ["door", "carrier"]] as const) {
    const { sealed } = await request(made);
    await rejectsCode(read(sealed, brought), "unreadable");
    assert.equal((await read(sealed, made)).peerId.length, 64);
    await rejectsCode(read(sealed, made), "replay");
  }
  await door.close();
});

Deno.test("the session begins when the visitor has proved that it has read the answer", async () => {
  const { door, known, nextVisit, request, read } = await doorOfBob();
  const dialling = await request("door");
  const knocking = knock(
    known,
    { makeDialling: () => Promise.resolve(dialling) },
    never,
    undefined,
  );
  const visit = await nextVisit();
  assert.deepEqual(visit.request, dialling.sealed);
  const { sealed, keys } = (await read(visit.request, "door")).accept(doorOffer({}));
  const [theirs, { pipe }] = await Promise.all([
    visit.admit(sealed, keys.receive, never),
    knocking,
  ]);
  await pipe!.write(Uint8Array.of(7));
  const into = new Uint8Array(9);
  assert.equal(await theirs.read(into), 1);
  assert.equal(into[0], 7);
  assert.equal(door.visitors, 0);
  await Promise.all([pipe!.close(), theirs.close(), door.close()]);
});

Deno.test("who replays a request cannot read the answer and gets no session", async () => {
  const { door, nextVisit, request, connect, read } = await doorOfBob();
  const thief = await connect();
  await thief.write(encodeFrame((await request("door")).sealed));
  const visit = await nextVisit();
  const { sealed, keys } = (await read(visit.request, "door")).accept(doorOffer({}));
  const admitted = visit.admit(sealed, keys.receive, never);
  await thief.write(new Uint8Array(PROOF_BYTES));
  await rejectsCode(admitted, "identity");
  assert.equal(door.visitors, 0);
  await Promise.all([thief.abort(), door.close()]);
});

Deno.test("a set-up that is given up ends the visit", async () => {
  const { door, nextVisit, request, connect, read } = await doorOfBob();
  const visitor = await connect();
  await visitor.write(encodeFrame((await request("door")).sealed));
  const visit = await nextVisit();
  const { sealed, keys } = (await read(visit.request, "door")).accept(doorOffer({}));
  const giveUp = new AbortController();
  const admitted = visit.admit(sealed, keys.receive, giveUp.signal);
  giveUp.abort();
  await assert.rejects(admitted);
  assert.equal(door.visitors, 0);
  await Promise.all([visitor.abort(), door.close()]);
});

Deno.test("visitors are bounded in number and in time", async () => {
  const due: (() => void)[] = [];
  const door = new Door({
    interfaces: ["lo"],
    credentials: undefined,
    clock: {
      ...systemClock,
      setTimer: (at, callback) => {
        assert.ok(at <= systemClock.now() + VISIT_REQUEST_TIMEOUT_MS);
        due.push(callback);
        return { cancel: () => {} };
      },
    },
    onVisit: () => assert.fail("nobody has brought a request"),
  });
  const address = { ip: "127.0.0.1", port: door.port! };
  const visitors = await Promise.all(
    Array.from(
      { length: MAX_VISITS_PER_IP },
      async () => new StreamPipe(await dialTcp(address, {})),
    ),
  );
  while (door.visitors < MAX_VISITS_PER_IP) await new Promise((resolve) => setTimeout(resolve, 1));
  const oneMore = new StreamPipe(await dialTcp(address, {}));
  assert.equal(await oneMore.read(new Uint8Array(1)).catch(() => null), null);
  for (const timeout of due) timeout();
  for (const visitor of visitors) {
    assert.equal(await visitor.read(new Uint8Array(1)).catch(() => null), null);
  }
  assert.equal(door.visitors, 0);
  await Promise.all([door.close(), oneMore.abort(), ...visitors.map((pipe) => pipe.abort())]);
});

for (const impostor of ["that answers with rubbish", "that says nothing"] as const) {
  Deno.test(`an impostor at the door ${impostor} is passed over`, async () => {
    const identity = await throwawayIdentity("server");
    await using node = await Endpoint.start({
      dhtClient: false,
      ...LOCAL,
      identity: await throwawayIdentity("node"),
    });
    const bootstrap = [`127.0.0.1:${node.status().dht.port}`];
    const before = await serve({ identity, bootstrap });
    const { caller, events } = await callerOf(node);
    await using _ = caller;
    await call(caller, events, identity.id);
    const { remote } = await comesByDoor(caller, events, identity.id);
    await before.close();
    const at = remote.lastIndexOf(":");
    const ip = remote.slice(0, at).replaceAll(/[[\]]/g, "");
    const pipes: Pipe[] = [];
    const door = listenTcp({
      ip,
      port: Number(remote.slice(at + 1)),
      onPipe: async (pipe) => {
        pipes.push(pipe);
        if (impostor === "that says nothing") return;
        await pipe.read(new Uint8Array(4_096));
        await pipe.write(encodeFrame(new Uint8Array(300).fill(1)));
        await pipe.close();
      },
    });
    await using _after = await serve({ identity, bootstrap });
    assert.equal((await call(caller, events, identity.id)).byDoor, false);
    assert.equal(pipes.length, 1);
    await Promise.all([door.close(), ...pipes.map((pipe) => pipe.abort())]);
  });
}
