import assert from "node:assert/strict";
import type { Channel } from "../../lib/session/mod.ts";
import { SessionPair, settle } from "../support/session_pair.ts";

/** A pair, channels that all have much to send, and counts of what the right side has read. */
async function busy(count: number): Promise<{ pair: SessionPair; read: number[] }> {
  const pair = new SessionPair();
  const read: number[] = new Array(count).fill(0);
  pair.right.onChannel = (request) => {
    drain(request.accept(), (bytes) => read[Number(request.name)]! += bytes);
  };
  pair.attach();
  for (let i = 0; i < count; i++) {
    const channel = pair.left.session.open(`${i}`);
    (async () => {
      while (true) await channel.write(new Uint8Array(100_000));
    })().catch(() => {});
  }
  await settle();
  return { pair, read };
}

async function drain(channel: Channel, onRead: (bytes: number) => void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await channel.read(buffer)) !== null;) onRead(count);
}

/** Some rounds of what a pipe carries. */
async function rounds(pair: SessionPair, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    pair.move(pair.left);
    pair.move(pair.right);
    await settle();
  }
}

Deno.test("bulk channels get equal shares", async () => {
  const { pair, read } = await busy(8);
  await rounds(pair, 40);
  const [least, most] = [Math.min(...read), Math.max(...read)];
  assert.ok(least > 1 << 20, `${read}`);
  assert.ok(most / least < 1.3, `${read}`);
});

Deno.test("a keystroke does not wait behind bulk data", async () => {
  const { pair, read } = await busy(20);
  const keys = pair.left.session.open("20");
  read.push(0);
  await rounds(pair, 20);
  for (let i = 0; i < 50; i++) {
    await keys.write(Uint8Array.of(i));
    // One chunk of what the pipe would carry next.
    const chunk = pair.left.session.pollTransmit(pair.now)!;
    pair.right.session.receive(chunk.slice(), pair.now);
    await settle();
    pair.move(pair.right);
    assert.equal(read[20], i + 1, "in the very next chunk");
    await settle();
  }
});

Deno.test("sparse flows do not starve bulk data", async () => {
  const { pair, read } = await busy(1);
  const sparse = Array.from({ length: 200 }, (_, i) => {
    read.push(0);
    return pair.left.session.open(`${i + 1}`);
  });
  await rounds(pair, 10);
  const before = read[0]!;
  for (let i = 0; i < 30; i++) {
    for (const channel of sparse) channel.write(new Uint8Array(2000)).catch(() => {});
    await rounds(pair, 1);
  }
  assert.ok(read[0]! - before > 1 << 20, `${read[0]! - before} bytes`);
});

Deno.test("one stuck reader does not hold up another channel", async () => {
  const { pair, read } = await busy(1);
  await rounds(pair, 1);
  pair.right.onChannel = (request) => request.accept();
  const stuck = Array.from({ length: 100 }, () => pair.left.session.open("stuck"));
  for (const channel of stuck) channel.write(new Uint8Array(5_000_000)).catch(() => {});
  await rounds(pair, 100);
  const before = read[0]!;
  await rounds(pair, 20);
  assert.ok(read[0]! - before > 1 << 20, `${read[0]! - before} bytes`);
});

Deno.test("a window grows for a reader that keeps up, and only for it", async () => {
  const { pair } = await busy(1);
  await rounds(pair, 60);
  assert.ok(pair.right.session.stats.reservedBytes > 2 << 20);
  assert.ok(pair.right.session.stats.reservedBytes <= 8 << 20);
});
