import assert from "node:assert/strict";
import { nativeAead, RECORD_AEAD } from "../../lib/session/aead.ts";
import { portableAead } from "../../lib/session/portable_aead.ts";
import { RecordKeys, RECORDS_PER_KEY } from "../../lib/session/record_keys.ts";
import {
  MAX_PLAINTEXT_BYTES,
  readU64,
  RECORD_OVERHEAD_BYTES,
  writeU64,
} from "../../lib/session/record.ts";
import { RecordSize } from "../../lib/session/record_size.ts";
import { RecordReader } from "../../lib/session/record_reader.ts";
import { pattern, SessionPair } from "../support/session_pair.ts";

Deno.test("the runtime's cipher and the portable one agree, and refuse what was altered", () => {
  const key = pattern(32, 1);
  const aad = pattern(20, 2);
  assert.equal(RECORD_AEAD, nativeAead);
  for (const counter of [0, 1, 0xffff_ffff, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
    for (const length of [1, 64, 1000, 65_500]) {
      const plaintext = pattern(length, 3);
      const [native, portable] = [nativeAead, portableAead].map((aead) => {
        const sealed = new Uint8Array(length + 16 + 7);
        aead.seal(key, counter, aad, plaintext, sealed, 7);
        return sealed.subarray(7);
      });
      assert.deepEqual(native, portable);
      for (const aead of [nativeAead, portableAead]) {
        assert.deepEqual(new Uint8Array(aead.open(key, counter, aad, native!)!), plaintext);
        assert.equal(aead.open(key, counter + 1, aad, native!), undefined);
        assert.equal(aead.open(key, counter, aad.subarray(1), native!), undefined);
        assert.equal(aead.open(key, counter, aad, native!.subarray(0, 10)), undefined);
      }
    }
  }
});

Deno.test("64-bit counters: written and read; beyond 2^53 is no number", () => {
  const bytes = new Uint8Array(9);
  for (const value of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) {
    writeU64(bytes, 1, value);
    assert.equal(readU64(bytes, 1), value);
    assert.equal(new DataView(bytes.buffer).getBigUint64(1), BigInt(value));
  }
  bytes.fill(255);
  assert.ok(Number.isNaN(readU64(bytes, 1)));
});

Deno.test("the data key changes every 65,536 records, by a one-way step both sides take", () => {
  const [sender, receiver] = [0, 1].map(() => new RecordKeys(pattern(32, 1), pattern(32, 2)));
  const first = sender!.data(0).slice();
  assert.deepEqual(sender!.data(RECORDS_PER_KEY - 1), first);
  const second = sender!.data(RECORDS_PER_KEY).slice();
  assert.notDeepEqual(second, first);
  assert.notDeepEqual(first, sender!.control);
  assert.deepEqual(receiver!.data(3 * RECORDS_PER_KEY), sender!.data(3 * RECORDS_PER_KEY));
  assert.notDeepEqual(new RecordKeys(pattern(32, 1), pattern(32, 3)).data(0), first);
});

Deno.test("the reader cuts records at any split and refuses malformed headers at once", () => {
  const record = (type: number, length: number) => {
    const bytes = new Uint8Array(length + RECORD_OVERHEAD_BYTES);
    bytes.set([type, length >> 16, length >> 8, length]);
    return bytes;
  };
  const stream = [record(1, 1), record(2, 5), record(1, MAX_PLAINTEXT_BYTES), record(2, 1029)];
  const whole = new Uint8Array(stream.reduce((sum, part) => sum + part.length, 0));
  stream.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  for (const split of [1, 3, 19, 20, 21, 36, 37, 4096, 65_536, whole.length]) {
    const reader = new RecordReader();
    const sizes: number[] = [];
    for (let at = 0; at < whole.length; at += split) {
      assert.ok(reader.read(whole.slice(at, at + split), (r) => sizes.push(r.length) > 0));
    }
    assert.deepEqual(sizes, stream.map((part) => part.length), `split ${split}`);
  }
  for (
    const bad of [
      record(0, 1),
      record(3, 1),
      record(1, 0),
      record(2, 1030),
      record(1, MAX_PLAINTEXT_BYTES + 1),
    ]
  ) {
    assert.equal(new RecordReader().read(bad, () => true), false);
    assert.equal(new RecordReader().read(bad.subarray(0, 20), () => true), false);
    const reader = new RecordReader();
    const results = Array.from(bad.subarray(0, 20), (byte) => {
      return reader.read(Uint8Array.of(byte), () => true);
    });
    assert.equal(results.at(-1), false, "a header that came byte by byte");
  }
});

/** A pair with a channel open, and a flight of one data record from left to right. */
async function flight(): Promise<{ pair: SessionPair; bytes: Uint8Array; read: () => Uint8Array }> {
  const pair = new SessionPair();
  pair.attach();
  const channel = pair.left.session.open("x");
  await pair.run();
  const accepted = pair.right.requests[0]!.accept();
  await pair.run();
  channel.write(pattern(40, 1));
  const bytes = pair.left.drain(pair.now);
  const buffer = new Uint8Array(100);
  let received = new Uint8Array(0);
  accepted.read(buffer).then((count) => received = buffer.slice(0, count!));
  return { pair, bytes, read: () => received };
}

Deno.test("any flipped bit in a record breaks the pipe and nothing else; the session resumes", async () => {
  const { pair, bytes, read } = await flight();
  assert.equal(bytes.length, 20 + 8 + 40 + 16);
  const { channels, reservedBytes } = pair.right.session.stats;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = bytes.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    // A longer length only waits for more: give it enough to be judged.
    const tail = new Uint8Array(140_000);
    pair.right.session.receive(altered, pair.now);
    if (pair.right.session.hasPipe) pair.right.session.receive(tail, pair.now);
    assert.equal(pair.right.session.hasPipe, false, `bit ${bit}`);
    assert.equal(pair.right.losses.at(-1), "broken");
    pair.cut();
    pair.attach();
    // The peer's ATTACH alone, without the record that waits to be sent again.
    pair.right.session.receive(pair.left.drain(pair.now), pair.now);
    pair.right.drain(pair.now);
  }
  assert.equal(pair.right.losses.length, bytes.length * 8);
  assert.deepEqual(pair.right.closes, []);
  assert.equal(read().length, 0);
  assert.equal(pair.right.session.stats.channels, channels);
  assert.equal(pair.right.session.stats.reservedBytes, reservedBytes);
  pair.cut();
  pair.attach();
  await pair.run();
  assert.deepEqual(read(), pattern(40, 1));
});

Deno.test("a repeated, skipped or early data record breaks the pipe", async () => {
  const { pair, bytes, read } = await flight();
  const right = pair.right.session;
  assert.equal(right.receive(bytes, pair.now), true);
  assert.equal(right.receive(bytes, pair.now), false, "repeated");
  pair.cut();
  pair.attach();
  assert.equal(right.receive(bytes, pair.now), false, "before ATTACH");
  pair.cut();
  pair.attach();
  await pair.run();
  pair.left.session.open("y");
  pair.left.drain(pair.now);
  pair.left.session.open("z");
  assert.equal(right.receive(pair.left.drain(pair.now), pair.now), false, "skipped");
  assert.deepEqual(read(), pattern(40, 1));
});

Deno.test("control records of an earlier pipe are refused on the next one", async () => {
  const pair = new SessionPair();
  pair.attach();
  const first = pair.left.drain(pair.now);
  pair.right.session.receive(first, pair.now);
  pair.left.session.receive(pair.right.drain(pair.now), pair.now);
  pair.cut();
  pair.attach();
  assert.equal(pair.right.session.receive(first, pair.now), false, "ATTACH replayed");
  pair.cut();
  pair.attach();
  const second = pair.left.drain(pair.now);
  assert.equal(pair.right.session.receive(second, pair.now), true);
  assert.equal(pair.right.session.receive(second, pair.now), false, "ATTACH twice");
  pair.cut();
  pair.attach();
  await pair.run();
  assert.equal(pair.right.session.hasPipe, true);
});

Deno.test("records of another session, or reflected ones, break the pipe", () => {
  const pair = new SessionPair();
  pair.attach();
  const own = pair.right.drain(pair.now);
  assert.equal(pair.right.session.receive(own, pair.now), false);
});

Deno.test("records are full on a fast path and short on a slow one", () => {
  const size = new RecordSize();
  let now = 0;
  const measure = (bytesPerMs: number) => {
    for (let i = 0; i < 200; i++) size.acknowledged(bytesPerMs * 5, now += 5);
    return size.limit;
  };
  assert.equal(size.limit, 32 << 10);
  assert.equal(measure(500_000), MAX_PLAINTEXT_BYTES, "500 MB/s");
  assert.equal(measure(125), 16 << 10, "1 Mbit/s");
  const middle = measure(2000);
  assert.ok(middle > 36_000 && middle < 46_000, `${middle} at 2 MB/s`);
  for (let i = 0; i < 100; i++) size.acknowledged(100, now += 1000);
  assert.equal(size.limit, middle, "keystrokes say nothing about the path");
});
