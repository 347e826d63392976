import assert from "node:assert/strict";
import fc from "fast-check";
import type { Channel } from "../../lib/session/mod.ts";
import { pattern, SessionPair, settle } from "../support/session_pair.ts";

Deno.test("unacknowledged records are sent again, the same bytes, from the peer's cursor", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  channel.write(pattern(100, 1));
  const first = pair.left.drain(pair.now);
  channel.write(pattern(200, 2));
  const second = pair.left.drain(pair.now);
  pair.right.session.receive(first, pair.now);
  pair.cut();
  pair.attach();
  const attach = pair.left.drain(pair.now);
  pair.left.session.receive(pair.right.drain(pair.now), pair.now);
  assert.deepEqual(pair.left.drain(pair.now), second);
  pair.right.session.receive(attach, pair.now);
  pair.right.session.receive(second, pair.now);
  const buffer = new Uint8Array(400);
  assert.equal(await accepted.read(buffer), 300);
  assert.deepEqual(buffer.subarray(0, 100), pattern(100, 1));
  assert.deepEqual(buffer.subarray(100, 300), pattern(200, 2));
});

Deno.test("a quiet session resumes without waiting: new data in the first flight", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.pass(300);
  assert.equal(pair.left.session.stats.unacknowledgedBytes, 0);
  pair.cut();
  channel.write(pattern(50, 1));
  pair.attach();
  pair.move(pair.left);
  assert.equal(await accepted.read(new Uint8Array(100)), 50);
});

Deno.test("writes while detached wait, bounded, and arrive on the next pipe", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  pair.cut();
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 100; i++) written += await channel.write(pattern(1000, i));
  })();
  await settle();
  assert.ok(written <= 16 << 10, `${written} bytes taken without a pipe`);
  pair.attach();
  await pair.run();
  await writing;
  const buffer = new Uint8Array(200_000);
  assert.equal(await accepted.read(buffer), 100_000);
  assert.deepEqual(buffer.subarray(99_000, 100_000), pattern(1000, 99));
});

Deno.test("attach replaces an attached pipe", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  channel.write(pattern(10, 1));
  pair.left.drain(pair.now);
  pair.attach();
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  assert.equal(await accepted.read(new Uint8Array(100)), 10);
  assert.equal(pair.left.session.stats.pipes, 2);
});

Deno.test("bytes that arrive while detached are ignored", () => {
  const pair = new SessionPair();
  pair.attach();
  const bytes = pair.left.drain(pair.now);
  pair.cut();
  assert.equal(pair.right.session.receive(bytes, pair.now), false);
  assert.deepEqual(pair.right.losses, []);
});

/** Writes all of `bytes` in pieces, then half-closes. */
async function send(channel: Channel, bytes: Uint8Array, step: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    await channel.write(bytes.subarray(at, at + step));
  }
  await channel.closeWrite();
}

/** Reads to the end with buffers of `step` bytes. */
async function receive(channel: Channel, step: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  while (true) {
    const buffer = new Uint8Array(step);
    const count = await channel.read(buffer);
    if (count === null) break;
    parts.push(buffer.subarray(0, count));
  }
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

Deno.test("property: whatever is cut, every byte arrives once and in order, both ways", async () => {
  const transfer = fc.record({
    size: fc.integer({ min: 0, max: 300_000 }),
    writeStep: fc.integer({ min: 100, max: 90_000 }),
    readStep: fc.integer({ min: 100, max: 200_000 }),
    fromLeft: fc.boolean(),
  });
  const step = fc.record({
    action: fc.constantFrom("left", "right", "left", "right", "cut", "flip", "time", "one-sided"),
    limit: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })),
    split: fc.integer({ min: 50, max: 100_000 }),
  });
  const run = async (
    transfers: { size: number; writeStep: number; readStep: number; fromLeft: boolean }[],
    steps: { action: string; limit: number; split: number }[],
  ) => {
    const pair = new SessionPair({ limits: { initialWindow: 50_000, resumeMs: 1e9 } });
    const results: Promise<void>[] = [];
    const accept = (end: "left" | "right") => {
      pair[end].onChannel = (request) => {
        const { size, readStep } = transfers[Number(request.name)]!;
        const channel = request.accept();
        channel.closeWrite();
        results.push(
          receive(channel, readStep).then((bytes) => {
            assert.deepEqual(bytes, pattern(size, Number(request.name)));
          }),
        );
      };
    };
    accept("left");
    accept("right");
    pair.attach();
    for (const [index, { size, writeStep, fromLeft }] of transfers.entries()) {
      const channel = (fromLeft ? pair.left : pair.right).session.open(`${index}`);
      results.push(send(channel, pattern(size, index), writeStep).then(() => channel.closed));
    }
    for (const { action, limit, split } of steps) {
      if (action === "left" || action === "right") {
        pair.move(pair[action], split, limit);
      } else if (action === "time") {
        pair.now += 50;
        pair.left.session.handleTimeout(pair.now);
        pair.right.session.handleTimeout(pair.now);
      } else if (action === "flip") {
        const { inbound } = pair.right;
        if (inbound.length > 0) inbound[limit % inbound.length]! ^= 1 << (split % 8);
        pair.move(pair.left, split, Infinity);
        pair.cut();
        pair.attach();
      } else if (action === "one-sided") {
        // One side notices and re-attaches before the other has read what was on its way.
        pair.left.session.detach(pair.now);
        pair.move(pair.right, split, 0);
        pair.cut();
        pair.attach();
      } else {
        pair.cut();
        await settle();
        pair.attach();
      }
      await settle();
    }
    if (!pair.left.session.hasPipe || !pair.right.session.hasPipe) pair.attach();
    await pair.run();
    await pair.pass(100);
    await Promise.all(results);
    assert.deepEqual([pair.left.closes, pair.right.closes], [[], []]);
    assert.equal(pair.left.session.stats.channels + pair.right.session.stats.channels, 0);
    assert.equal(pair.left.session.stats.reservedBytes, 0);
    assert.equal(pair.right.session.stats.reservedBytes, 0);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(transfer, { minLength: 1, maxLength: 4 }),
      fc.array(step, { maxLength: 40 }),
      run,
    ),
    { numRuns: 60 },
  );
});

Deno.test("cut after every single byte of a flight, the exchange still completes", async () => {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  channel.write(pattern(30, 1));
  const total = pair.left.drain(pair.now).length;
  for (let cut = 0; cut <= total; cut++) {
    const pair = new SessionPair();
    pair.attach();
    const channel = pair.left.session.open("x");
    channel.write(pattern(30, 1));
    pair.move(pair.left, Infinity, cut);
    pair.move(pair.right, Infinity, cut);
    pair.cut();
    pair.attach();
    await pair.run();
    const accepted = pair.right.requests[0]!.accept();
    const buffer = new Uint8Array(100);
    assert.equal(await accepted.read(buffer), 30);
    assert.equal(pair.right.requests.length, 1);
  }
});
