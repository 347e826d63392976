import assert from "node:assert/strict";
import type { Channel, ChannelRequest } from "../../lib/session/mod.ts";
import { ChannelError } from "../../lib/session/mod.ts";
import { pattern, SessionPair, settle } from "../support/session_pair.ts";

/** A pair with one channel that the right side has accepted. */
async function connected(): Promise<{ pair: SessionPair; dialler: Channel; listener: Channel }> {
  const pair = new SessionPair();
  pair.attach();
  const dialler = pair.left.session.open("test");
  await pair.run();
  const listener = pair.right.requests[0]!.accept();
  await pair.run();
  return { pair, dialler, listener };
}

/** Everything that the left side has to send, in one piece. */
function takeAll({ left }: SessionPair): Uint8Array {
  const chunks: number[] = [];
  for (let out; (out = left.session.pollTransmit(0)) !== undefined;) chunks.push(...out);
  return Uint8Array.from(chunks);
}

async function readAll(channel: Channel): Promise<Uint8Array> {
  return new Uint8Array(await new Response(channel.readable).arrayBuffer());
}

Deno.test("a channel carries bytes both ways and knows its name", async () => {
  const { pair, dialler, listener } = await connected();
  await dialler.opened;
  assert.equal(listener.name, "test");
  assert.equal(listener.id, dialler.id);
  await dialler.write(pattern(10, 1));
  await listener.write(pattern(20, 2));
  await pair.run();
  const buffer = new Uint8Array(64);
  assert.equal(await listener.read(buffer), 10);
  assert.deepEqual(buffer.slice(0, 10), pattern(10, 1));
  assert.equal(await dialler.read(buffer), 20);
  assert.deepEqual(buffer.slice(0, 20), pattern(20, 2));
});

Deno.test("what is no array of bytes is refused, and nothing is sent", async () => {
  const { pair, dialler, listener } = await connected();
  const writer = dialler.writable.getWriter();
  for (const wrong of ["hello", new ArrayBuffer(5), Uint16Array.of(1000), [1, 2], undefined]) {
    const bytes = wrong as unknown as Uint8Array;
    await assert.rejects(dialler.write(bytes), { name: "TypeError", message: /Uint8Array/ });
    await assert.rejects(listener.read(bytes), { name: "TypeError", message: /Uint8Array/ });
  }
  await dialler.write(pattern(10, 1));
  await pair.run();
  const buffer = new Uint8Array(64);
  assert.equal(await listener.read(buffer), 10);
  await assert.rejects(writer.write("hello" as unknown as Uint8Array), TypeError);
});

Deno.test("a code that is no number of 32 bits is refused", async () => {
  const { pair, dialler } = await connected();
  pair.left.session.open("other");
  await pair.run();
  for (const code of [-1, 1.5, NaN, Infinity, 2 ** 32]) {
    assert.throws(() => dialler.reset(code), RangeError);
    assert.throws(() => pair.right.requests[1]!.decline(code, "no"), RangeError);
    assert.throws(() => pair.left.session.close(code), RangeError);
  }
  assert.equal(pair.left.session.stats.channels, 2);
});

Deno.test("the first bytes travel in the first flight, before the peer has been heard", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("early");
  channel.write(pattern(1000, 1));
  pair.move(pair.left);
  const accepted = pair.right.requests[0]!.accept();
  const buffer = new Uint8Array(2000);
  assert.equal(await accepted.read(buffer), 1000);
});

Deno.test("large and small writes arrive in order whatever the split", async () => {
  for (const split of [1, 7, 19, 20, 21, 1000, 65_536, Infinity]) {
    const { pair, dialler, listener } = await connected();
    const size = split < 100 ? 5_000 : 1_000_000;
    const sent = pattern(size, 5);
    const received = readAll(listener);
    const write = (async () => {
      for (let at = 0, step = 1; at < size; at += step, step = (step * 3) % 40_009) {
        await dialler.write(sent.subarray(at, Math.min(size, at + step)));
      }
      await dialler.closeWrite();
    })();
    await pair.run(split);
    await write;
    assert.deepEqual(await received, sent, `split ${split}`);
  }
});

Deno.test("records that arrive at once fill one read; what is left waits for the next", async () => {
  const { pair, dialler, listener } = await connected();
  const sent = pattern(90_000, 3);
  const buffer = new Uint8Array(80_000);
  const reading = listener.read(buffer);
  const written = [0, 30_000, 60_000].map((at) => dialler.write(sent.subarray(at, at + 30_000)));
  const flight = takeAll(pair);
  assert.ok(flight.length > sent.length);
  pair.right.session.receive(flight, 0);
  assert.equal(await reading, 80_000);
  assert.deepEqual(buffer, sent.subarray(0, 80_000));
  assert.equal(await listener.read(buffer), 10_000);
  assert.deepEqual(buffer.subarray(0, 10_000), sent.subarray(80_000));
  await Promise.all(written);
});

Deno.test("a read that has some bytes is done before the end, or the abort, that comes at once", async () => {
  for (const end of ["closeWrite", "reset"] as const) {
    const { pair, dialler, listener } = await connected();
    const buffer = new Uint8Array(100);
    const reads = [listener.read(buffer), listener.read(new Uint8Array(100))];
    reads[1]!.catch(() => {});
    await dialler.write(pattern(10, 1));
    const data = takeAll(pair);
    dialler[end]();
    const flight = new Uint8Array([...data, ...takeAll(pair)]);
    pair.right.session.receive(flight, 0);
    assert.equal(await reads[0], 10);
    assert.deepEqual(buffer.subarray(0, 10), pattern(10, 1));
    if (end === "closeWrite") assert.equal(await reads[1], null);
    else await assert.rejects(reads[1]!, { code: "reset" });
  }
});

Deno.test("half-close: one direction ends, the other goes on", async () => {
  const { pair, dialler, listener } = await connected();
  await dialler.write(pattern(5, 1));
  await dialler.closeWrite();
  await pair.run();
  assert.equal((await readAll(listener)).length, 5);
  await assert.rejects(dialler.write(new Uint8Array(1)), hasCode("closed"));
  await listener.write(pattern(7, 2));
  await listener.closeWrite();
  await pair.run();
  assert.equal((await readAll(dialler)).length, 7);
  await Promise.all([dialler.closed, listener.closed]);
  assert.equal(pair.left.session.stats.channels, 0);
  assert.equal(pair.right.session.stats.channels, 0);
});

Deno.test("closed waits until the peer's session has everything", async () => {
  const { pair, dialler, listener } = await connected();
  let isClosed = false;
  dialler.closed.then(() => isClosed = true);
  await listener.closeWrite();
  await pair.run();
  await dialler.closeWrite();
  const flight = pair.left.drain(pair.now);
  await settle();
  assert.equal(isClosed, false);
  pair.right.session.receive(flight, pair.now);
  await pair.run();
  assert.equal(isClosed, true);
});

Deno.test("a declined channel says why, to open, read and write", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("nc://10.0.0.1:22");
  const opened = channel.opened;
  const large = channel.write(new Uint8Array(1_000_000));
  large.catch(() => {});
  await pair.run();
  pair.right.requests[0]!.decline(403, "not on the list");
  await pair.run();
  for (const failed of [opened, large, channel.read(new Uint8Array(1)), channel.closed]) {
    await assert.rejects(failed, (error: ChannelError) => {
      assert.equal(error.code, "declined");
      assert.equal(error.remoteCode, 403);
      assert.equal(error.reason, "not on the list");
      return true;
    });
  }
  assert.equal(pair.left.session.stats.channels, 0);
  assert.equal(pair.right.session.stats.channels, 0);
  assert.equal(pair.right.session.stats.reservedBytes, 0);
});

Deno.test("reset aborts both directions with its code", async () => {
  const { pair, dialler, listener } = await connected();
  const read = listener.read(new Uint8Array(1));
  read.catch(() => {});
  dialler.reset(777);
  await assert.rejects(dialler.read(new Uint8Array(1)), hasCode("reset"));
  await pair.run();
  await assert.rejects(read, (error: ChannelError) => {
    assert.equal(error.remoteCode, 777);
    return hasCode("reset")(error);
  });
  await assert.rejects(listener.write(new Uint8Array(1)), hasCode("reset"));
  assert.equal(pair.right.session.stats.channels, 0);
});

Deno.test("close stops an endless writer on the other side", async () => {
  const { pair, dialler, listener } = await connected();
  let failure: unknown;
  (async () => {
    while (true) await dialler.write(new Uint8Array(30_000));
  })().catch((error) => failure = error);
  await pair.run();
  listener.close();
  await pair.run();
  assert.ok(hasCode("stopped")(failure as ChannelError));
  dialler.close();
  await pair.run();
  await Promise.all([dialler.closed, listener.closed]);
  assert.equal(pair.right.session.stats.reservedBytes, 0);
});

Deno.test("a writer waits for the reader", async () => {
  const { pair, dialler, listener } = await connected();
  let written = 0;
  (async () => {
    while (written < 4 << 20) written += await dialler.write(new Uint8Array(65_536));
  })();
  await pair.run();
  const stuckAt = written;
  assert.ok(stuckAt < 1 << 20, `${stuckAt} bytes were taken though nobody reads`);
  const buffer = new Uint8Array(100_000);
  for (let read = 0; read < 4 << 20;) {
    read += (await listener.read(buffer))!;
    await pair.run();
  }
  assert.equal(written, 4 << 20);
});

Deno.test("web streams: pipeTo, cancel and abort", async () => {
  const { pair, dialler, listener } = await connected();
  const piped = new Response(pattern(200_000, 3)).body!.pipeTo(dialler.writable);
  const received = readAll(listener);
  await pair.run();
  await piped;
  assert.deepEqual(await received, pattern(200_000, 3));

  const other = pair.left.session.open("other");
  await pair.run();
  const peer = pair.right.requests[1]!.accept();
  await peer.readable.cancel();
  await pair.run();
  await assert.rejects(other.write(new Uint8Array(1)), hasCode("stopped"));
  await other.writable.abort().catch(() => {});
});

Deno.test("await using closes and waits", async () => {
  const { pair, dialler, listener } = await connected();
  const done = (async () => {
    await using channel = dialler;
    await channel.write(pattern(3, 1));
  })();
  await pair.run();
  await done;
  assert.equal((await readAll(listener)).length, 3);
});

Deno.test("names: too long is refused here; any text arrives", async () => {
  const pair = new SessionPair();
  pair.attach();
  assert.throws(() => pair.left.session.open("x".repeat(1025)), hasCode("bad-name"));
  const names: string[] = [];
  pair.right.onChannel = (request: ChannelRequest) => {
    names.push(request.name);
    request.accept();
  };
  for (const name of ["", "dsh://[::1]", "ü→🙂", "y".repeat(1024)]) pair.left.session.open(name);
  await pair.run();
  assert.deepEqual(names, ["", "dsh://[::1]", "ü→🙂", "y".repeat(1024)]);
});

function hasCode(code: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof ChannelError, `${error}`);
    assert.equal(error.code, code);
    return true;
  };
}

Deno.test("a channel that is closed before the peer accepts it ends in order, and nothing beside it", async () => {
  const pair = new SessionPair();
  pair.attach();
  const other = pair.left.session.open("other");
  const [closed, left] = [pair.left.session.open("closed"), pair.left.session.open("left")];
  await closed.write(pattern(10, 1));
  await pair.run();
  closed.close();
  await left.readable.cancel();
  await pair.run();
  for (const request of pair.right.requests) {
    const channel = request.accept();
    await pair.run();
    if (channel.name === "closed") assert.deepEqual(await readAll(channel), pattern(10, 1));
    channel.close();
  }
  await pair.run();
  left.close();
  other.close();
  await pair.run();
  await Promise.all([closed.closed, left.closed, other.closed]);
  assert.deepEqual([pair.left.closes, pair.right.closes], [[], []]);
});

Deno.test("a session that is closed while it has been asked for a channel ends in order", async () => {
  const pair = new SessionPair();
  pair.attach();
  const asked = pair.left.session.open("asked");
  asked.opened.catch(() => {});
  await pair.run();
  pair.right.session.close();
  await pair.run();
  assert.deepEqual(pair.left.closes, [{ code: 0, reason: "", remote: true }]);
  await assert.rejects(asked.opened, { code: "session-closed" });
});
