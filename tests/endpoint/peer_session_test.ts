import assert from "node:assert/strict";
import type { LastingPipe } from "../../lib/endpoint/context.ts";
import { HeldPipe } from "../../lib/endpoint/held_pipe.ts";
import { PeerSession } from "../../lib/endpoint/peer_session.ts";
import type { PipeLoss } from "../../lib/endpoint/session_driver.ts";
import { type Pipe, systemClock } from "../../lib/net/mod.ts";
import type { Channel, ChannelRequest, SessionKeys } from "../../lib/session/mod.ts";
import { memoryPipes } from "../support/memory_pipe.ts";

const KEYS = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

interface End {
  session: PeerSession;
  losses: PipeLoss[];
  requests: ChannelRequest[];
  over: Promise<void>;
}

function makeEnd(outgoing: boolean, pipe: Pipe, lasting?: LastingPipe): End {
  const [a, b, handshakeHash] = KEYS;
  const keys: SessionKeys = outgoing
    ? { send: a, receive: b, handshakeHash }
    : { send: b, receive: a, handshakeHash };
  const losses: PipeLoss[] = [], requests: ChannelRequest[] = [];
  const over = Promise.withResolvers<void>();
  const session = new PeerSession({
    peer: {
      id: "00".repeat(32),
      issuerId: "11".repeat(32),
      chainIds: ["00".repeat(32), "11".repeat(32)],
      subjects: ["device", "authority"],
      serialNumbers: ["02", "01"],
      notAfter: new Date("2036-01-01T00:00:00Z"),
    },
    outgoing,
    servesUs: true,
    keys,
    pipe,
    lasting,
    clock: systemClock,
    onChannel: (_peer, request) => requests.push(request),
    onPipeLost: (_session, loss) => losses.push(loss),
    onOver: () => over.resolve(),
  });
  return { session, losses, requests, over: over.promise };
}

async function open(dialler: End, listener: End): Promise<[Channel, Channel]> {
  const near = dialler.session.open("x");
  await near.write(Uint8Array.of(0));
  while (listener.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const far = listener.requests.shift()!.accept();
  assert.equal(await far.read(new Uint8Array(1)), 1);
  return [near, far];
}

/** 4 MB of bytes that tell their place. */
function pattern(): Uint8Array {
  return Uint8Array.from({ length: 4_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

Deno.test("a session goes on over a new pipe, without losing or repeating a byte", async () => {
  const [first, second] = memoryPipes();
  const dialler = makeEnd(true, first), listener = makeEnd(false, second);
  const [near, far] = await open(dialler, listener);
  const bytes = pattern(), received = new Uint8Array(bytes.length);
  let at = 0, cuts = 0;
  const writing = near.write(bytes).then(() => near.closeWrite());
  const buffer = new Uint8Array(100_000);
  let pipe = first;
  for (let count = await far.read(buffer); count !== null; count = await far.read(buffer)) {
    received.set(buffer.subarray(0, count), at);
    at += count;
    if (at > (cuts + 1) * 1_000_000 && cuts < 3) {
      cuts++;
      await pipe.abort();
      const [again, there] = memoryPipes();
      pipe = again;
      dialler.session.attach(again);
      listener.session.attach(there);
    }
  }
  await writing;
  assert.equal(cuts, 3);
  assert.deepEqual(received, bytes);
  far.close();
  await dialler.session.close();
  await listener.over;
});

Deno.test("a lost pipe is reported once on either side, and failing the session ends its channels", async () => {
  const [first, second] = memoryPipes();
  const dialler = makeEnd(true, first), listener = makeEnd(false, second);
  const [near, far] = await open(dialler, listener);
  const reading = near.read(new Uint8Array(1));
  await first.abort();
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (const { losses, session } of [dialler, listener]) {
    assert.deepEqual(losses.map(({ kind }) => kind), ["closed"]);
    assert.equal(session.hasPipe, false);
    assert.equal(session.isOver, false);
    session.fail("gone for good");
  }
  await assert.rejects(reading, /gone for good/);
  await assert.rejects(far.read(new Uint8Array(1)), /gone for good/);
  await Promise.all([dialler.over, listener.over]);
});

Deno.test("both ends of a session name it alike", async () => {
  const [first, second] = memoryPipes();
  const dialler = makeEnd(true, first), listener = makeEnd(false, second);
  assert.deepEqual(dialler.session.id, listener.session.id);
  await dialler.session.close();
  await listener.over;
});

Deno.test("a peer that sends garbage loses its pipe", async () => {
  const [first, second] = memoryPipes();
  const dialler = makeEnd(true, first);
  await second.write(new Uint8Array(1000).fill(0xff));
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(dialler.losses.map(({ kind }) => kind), ["broken"]);
  dialler.session.fail("enough");
  await dialler.over;
});

Deno.test("a session moves from its early pipe to the lasting one without losing a byte", async () => {
  const [early, earlyThere] = memoryPipes(), [later, laterThere] = memoryPipes();
  const lasting = Promise.withResolvers<Pipe>();
  const dialler = makeEnd(true, early, { pipe: lasting.promise, abandon: () => {} });
  const listener = makeEnd(false, earlyThere);
  const [near, far] = await open(dialler, listener);
  await early.abort(); // before the other one is there: that is no loss
  const writing = near.write(Uint8Array.of(1, 2, 3));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(dialler.losses, []);
  listener.session.attach(laterThere);
  lasting.resolve(later);
  await writing;
  assert.equal(await far.read(new Uint8Array(3)), 3);
  await Promise.all([dialler, listener].map(({ session }) => session.close()));
});

Deno.test("a lasting pipe that cannot be had is a lost path", async () => {
  const [early, earlyThere] = memoryPipes();
  const lasting = Promise.withResolvers<Pipe>();
  const dialler = makeEnd(true, early, { pipe: lasting.promise, abandon: () => {} });
  const listener = makeEnd(false, earlyThere);
  await open(dialler, listener);
  lasting.reject(new Error("no way"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(dialler.losses.map(({ kind }) => kind), ["silent"]);
  for (const { session } of [dialler, listener]) session.fail("over");
});

Deno.test("an orderly end waits for the lasting pipe: the peer may hear no more of the first", async () => {
  const [early, earlyThere] = memoryPipes(), [later, laterThere] = memoryPipes();
  const lasting = Promise.withResolvers<Pipe>(), lastingThere = Promise.withResolvers<Pipe>();
  const dialler = makeEnd(true, early, { pipe: lasting.promise, abandon: () => {} });
  const listener = makeEnd(false, earlyThere, { pipe: lastingThere.promise, abandon: () => {} });
  await open(dialler, listener);
  early.abort();
  const closing = dialler.session.close();
  lasting.resolve(later);
  lastingThere.resolve(laterThere);
  await Promise.all([closing, dialler.over, listener.over]);
  assert.deepEqual([dialler.losses, listener.losses], [[], []]);
});

Deno.test("the end of a session ends the making of its lasting pipe", async () => {
  const [early, earlyThere] = memoryPipes();
  let abandoned = 0;
  const lasting = Promise.withResolvers<Pipe>();
  const dialler = makeEnd(true, early, { pipe: lasting.promise, abandon: () => abandoned++ });
  const listener = makeEnd(false, earlyThere);
  await open(dialler, listener);
  dialler.session.fail("over");
  await dialler.over;
  assert.equal(abandoned, 1);
  const [late] = memoryPipes();
  lasting.resolve(late);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await assert.rejects(late.write(Uint8Array.of(1)), "it is closed");
  listener.session.fail("over");
});

Deno.test("one more address of the host is no reason to leave a path over our relay; one less is", async () => {
  const [near, far] = memoryPipes();
  const overRelay = new HeldPipe(near, {
    local: { ip: "203.0.113.7", port: 50_000 },
    relayed: true,
    release: () => Promise.resolve(),
  });
  const dialler = makeEnd(true, overRelay), listener = makeEnd(false, far);
  await open(dialler, listener);
  dialler.session.networkChanged(new Set(["192.0.2.1", "172.18.0.1"]), false);
  assert.deepEqual([dialler.session.hasPipe, dialler.losses], [true, []]);
  dialler.session.networkChanged(new Set(["172.18.0.1"]), true);
  assert.deepEqual(dialler.losses.map(({ kind }) => kind), ["silent"]);
  for (const { session } of [dialler, listener]) session.fail("over");
  await Promise.all([dialler.over, listener.over]);
});
