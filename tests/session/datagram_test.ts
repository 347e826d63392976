import assert from "node:assert/strict";
import fc from "fast-check";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import {
  DATAGRAM_OVERHEAD_BYTES,
  DatagramOpener,
  DatagramSealer,
  type SessionKeys,
} from "../../lib/session/mod.ts";
import { REPLAY_WINDOW, ReplayWindow } from "../../lib/session/replay_window.ts";

const [A, B, HASH] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const OURS: SessionKeys = { send: A, receive: B, handshakeHash: HASH };
const THEIRS: SessionKeys = { send: B, receive: A, handshakeHash: HASH };
const HELLO = new TextEncoder().encode("hello");

function bytesOf(opened: { payload: Uint8Array } | undefined): number[] | undefined {
  return opened && [...opened.payload];
}

Deno.test("datagram: the other side, and it alone, reads what was sealed", () => {
  const sealed = new DatagramSealer(OURS).seal(7, HELLO)!;
  assert.equal(sealed.length, HELLO.length + DATAGRAM_OVERHEAD_BYTES);
  const opened = new DatagramOpener(THEIRS).open(sealed)!;
  assert.deepEqual([opened.port, bytesOf(opened)], [7, [...HELLO]]);
  assert.equal(new DatagramOpener(OURS).open(sealed), undefined);
});

Deno.test("datagram: layout and keys as documented, by an independent implementation", () => {
  const counter = 2 ** 40 + 5;
  const sealed = new DatagramSealer(OURS, counter).seal(0x01020304, HELLO)!;
  const key = hkdf(sha256, A, HASH, new TextEncoder().encode("dhtnet session 1 datagram"), 32);
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true);
  const header = Uint8Array.of(1, 2, 3, 4, 1, 0, 0, 0, 0, 5);
  header.set([0x01, 0x00, 0, 0, 0, 5], 4);
  const expected = chacha20poly1305(key, nonce, header).encrypt(HELLO);
  assert.deepEqual([...sealed], [...header, ...expected]);
});

Deno.test("datagram: each is taken once, in any order", () => {
  const sealer = new DatagramSealer(OURS);
  const opener = new DatagramOpener(THEIRS);
  const all = Array.from({ length: 20 }, (_, index) => sealer.seal(0, Uint8Array.of(index))!);
  const order = [3, 0, 19, 1, 2, 10, 4];
  for (const index of order) assert.deepEqual(bytesOf(opener.open(all[index]!)), [index]);
  for (const index of order) assert.equal(opener.open(all[index]!), undefined);
  assert.deepEqual(bytesOf(opener.open(all[5]!)), [5]);
});

Deno.test("datagram: one that is older than the window is not taken", () => {
  const old = new DatagramSealer(OURS, 5).seal(0, HELLO)!;
  const last = new DatagramSealer(OURS, 6).seal(0, HELLO)!;
  const opener = new DatagramOpener(THEIRS);
  assert.ok(opener.open(new DatagramSealer(OURS, 6 + REPLAY_WINDOW - 1).seal(0, HELLO)!));
  assert.ok(opener.open(new DatagramSealer(OURS, 6 + REPLAY_WINDOW).seal(0, HELLO)!));
  assert.equal(opener.open(old), undefined);
  assert.equal(opener.open(last), undefined);
});

Deno.test("datagram: a forged counter does not move the window", () => {
  const opener = new DatagramOpener(THEIRS);
  const sealer = new DatagramSealer(OURS);
  const first = sealer.seal(0, HELLO)!;
  const forged = first.slice();
  forged[4] = 0xff;
  assert.equal(opener.open(forged), undefined);
  assert.ok(opener.open(first));
});

Deno.test("datagram: whatever is changed, nothing is read", () => {
  const sealed = new DatagramSealer(OURS).seal(9, HELLO)!;
  fc.assert(fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
    const changed = sealed.slice();
    changed[at]! ^= by;
    assert.equal(new DatagramOpener(THEIRS).open(changed), undefined);
  }));
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(new DatagramOpener(THEIRS).open(sealed.subarray(0, length)), undefined);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    assert.equal(new DatagramOpener(THEIRS).open(bytes), undefined);
  }));
});

Deno.test("datagram: counters come to an end", () => {
  const sealer = new DatagramSealer(OURS, 2 ** 48 - 1);
  assert.ok(sealer.seal(0, HELLO));
  assert.equal(sealer.seal(0, HELLO), undefined);
});

Deno.test("replay window: as a set of everything seen, within its width", () => {
  const jumps = fc.array(fc.oneof(fc.integer({ min: -5000, max: 100 }), fc.constant(9000)));
  fc.assert(fc.property(jumps, (steps) => {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let newest = -1;
    for (const step of steps) {
      const counter = Math.max(0, newest + step);
      const expected = !seen.has(counter) && counter > newest - REPLAY_WINDOW;
      assert.equal(window.isNew(counter), expected);
      if (!expected) continue;
      window.mark(counter);
      seen.add(counter);
      newest = Math.max(newest, counter);
    }
  }));
});
