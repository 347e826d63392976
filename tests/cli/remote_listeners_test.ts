import assert from "node:assert/strict";
import { CONNECTED, RemoteListeners } from "../../cmd/dnc/forward/remote_listeners.ts";
import type { IncomingChannel } from "../../cmd/peer/peer_channel.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

/** A channel that a peer opens for the next connection, from both sides, and what became of it. */
function wish(id: string) {
  const answer = Promise.withResolvers<void>();
  answer.promise.catch(() => {});
  const [theirs, ours] = MemoryChannel.pair("x", answer.promise);
  const declined = Promise.withResolvers<string>();
  const incoming = {
    peer: { id },
    name: "x",
    accept() {
      answer.resolve();
      return ours;
    },
    decline(_code: number, reason: string) {
      declined.resolve(reason);
    },
  } as unknown as IncomingChannel;
  return { incoming, theirs, ours, declined: declined.promise };
}

function freeTarget() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { host: "127.0.0.1", port: listener.addr.port };
}

const connect = ({ host, port }: { host: string; port: number }) =>
  Deno.connect({ hostname: host, port });

Deno.test("a connection takes a channel; the port is the peer's until its last one is over", async () => {
  const listeners = new RemoteListeners();
  const target = freeTarget();
  const [first, second, other] = [wish("A"), wish("A"), wish("B")];
  const served = [first, second].map(({ incoming }) => listeners.serve(incoming, target));
  await listeners.serve(other.incoming, target);
  assert.match(await other.declined, /another peer does/);

  const connection = await connect(target);
  await connection.write(Uint8Array.of(7));
  // The youngest has it.
  const buffer = new Uint8Array(10);
  assert.equal(await second.theirs.read(buffer), 1);
  assert.equal(buffer[0], CONNECTED);
  assert.equal(await second.theirs.read(buffer), 1);
  assert.equal(buffer[0], 7);
  await second.theirs.write(Uint8Array.of(8));
  assert.equal(await connection.read(buffer), 1);
  assert.equal(buffer[0], 8);
  connection.close();
  await second.theirs.closeWrite();
  assert.equal(await second.theirs.read(buffer), null);
  await served[1];

  first.theirs.reset();
  await served[0];
  await assert.rejects(connect(target)); // refused, or reset where the system had it already
});

Deno.test("a connection waits for a channel; closing ends what waits", async () => {
  const listeners = new RemoteListeners();
  const target = freeTarget();
  const first = wish("A");
  const serving = listeners.serve(first.incoming, target);
  const [one, two] = [await connect(target), await connect(target)];
  const buffer = new Uint8Array(1);
  assert.equal(await first.theirs.read(buffer), 1);
  const second = wish("A");
  const later = listeners.serve(second.incoming, target);
  assert.equal(await second.theirs.read(buffer), 1);
  const third = wish("A");
  const idle = listeners.serve(third.incoming, target);
  listeners.close();
  await idle;
  assert.equal(third.ours.ending, "reset");
  for (const channel of [first, second]) channel.theirs.reset();
  await Promise.allSettled([serving, later]);
  one.close();
  two.close();
});

Deno.test("more connections than may wait at once all get a channel in the end", async () => {
  const listeners = new RemoteListeners();
  const target = freeTarget();
  const first = wish("A");
  const serving = [listeners.serve(first.incoming, target)];
  const connections = await Promise.all(Array.from({ length: 40 }, () => connect(target)));
  const wishes = [first, ...connections.slice(1).map(() => wish("A"))];
  const buffer = new Uint8Array(1);
  for (const { incoming } of wishes.slice(1)) serving.push(listeners.serve(incoming, target));
  for (const { theirs } of wishes) assert.equal(await theirs.read(buffer), 1);
  for (const { theirs } of wishes) theirs.reset();
  await Promise.allSettled(serving);
  for (const connection of connections) connection.close();
});

Deno.test("a connection that is reset when its turn comes is passed over", async () => {
  const listeners = new RemoteListeners();
  const target = freeTarget();
  const first = wish("A");
  const serving = listeners.serve(first.incoming, target);
  const buffer = new Uint8Array(1);
  {
    using _refusal = await refuseOptions();
    using gone = await connect(target);
    assert.equal(await Promise.race([gone.read(buffer), serving]), null);
  }
  using connection = await connect(target);
  assert.equal(await Promise.race([first.theirs.read(buffer), serving]), 1);
  assert.equal(buffer[0], CONNECTED);
  first.theirs.reset();
  await assert.rejects(serving, { code: "reset" });
  await connection.read(buffer).catch(() => {});
});

/** As some systems do for a connection that is reset by now. */
async function refuseOptions(): Promise<Disposable> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const prototype: Deno.TcpConn = Object.getPrototypeOf(connection);
  const { setNoDelay } = prototype;
  prototype.setNoDelay = () => {
    throw new Deno.errors.InvalidData("Invalid argument");
  };
  return { [Symbol.dispose]: () => prototype.setNoDelay = setNoDelay };
}

Deno.test("every address: connections of both families", async () => {
  const listeners = new RemoteListeners();
  const { port } = freeTarget();
  const buffer = new Uint8Array(1);
  for (const host of ["127.0.0.1", "::1"]) {
    const { incoming, theirs } = wish("A");
    const serving = listeners.serve(incoming, { host: "::", port });
    using connection = await connect({ host, port });
    assert.equal(await Promise.race([theirs.read(buffer), serving]), 1);
    assert.equal(buffer[0], CONNECTED);
    theirs.reset();
    await assert.rejects(serving, { code: "reset" });
    await connection.read(buffer).catch(() => {});
  }
});

Deno.test("a port that is taken is declined with the reason", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { incoming, declined } = wish("A");
  await new RemoteListeners().serve(incoming, { host: "127.0.0.1", port: taken.addr.port });
  assert.match(await declined, /cannot listen on 127\.0\.0\.1:\d+: it is in use/);
});
