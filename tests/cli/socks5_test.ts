import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeReply,
  SocksHandshake,
  SocksReply,
  type SocksStep,
} from "../../cmd/dnc/socks/socks5.ts";

const GREETING = [5, 1, 0];
const text = (name: string) => [...new TextEncoder().encode(name)];
const connect = (...address: number[]) => [5, 1, 0, ...address, 0x1f, 0x90];
const IPV4 = [1, 127, 0, 0, 1];
const IPV6 = [4, ...Array(15).fill(0), 1];
const NAME = [3, 11, ...text("example.org")];

/** Feeds bytes in pieces; the last step, with all replies before it. */
function run(bytes: readonly number[], sizes: readonly number[] = [bytes.length]): {
  step: SocksStep;
  replies: number[];
} {
  const handshake = new SocksHandshake();
  const replies: number[] = [];
  let step: SocksStep = { kind: "more", reply: new Uint8Array(0) };
  let at = 0;
  for (let piece = 0; at < bytes.length && step.kind === "more"; piece++) {
    const size = Math.max(1, sizes[piece % sizes.length]!);
    step = handshake.push(Uint8Array.from(bytes.slice(at, at + size)));
    replies.push(...step.reply);
    at += size;
  }
  return { step, replies };
}

Deno.test("SOCKS5: CONNECT to each kind of address", () => {
  const cases = [[IPV4, "127.0.0.1"], [IPV6, "::1"], [NAME, "example.org"]] as const;
  for (const [address, host] of cases) {
    const { step, replies } = run([...GREETING, ...connect(...address)]);
    assert.deepEqual(replies, [5, 0]);
    assert.equal(step.kind, "request");
    if (step.kind !== "request") return;
    assert.deepEqual([step.host, step.port, step.rest.length], [host, 8080, 0]);
  }
});

Deno.test("SOCKS5: any cut into pieces gives the same; what follows the request is kept", () => {
  const payload = [1, 2, 3];
  const bytes = [...GREETING, ...connect(...NAME), ...payload];
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
    const { step, replies } = run(bytes, sizes);
    assert.deepEqual(replies, [5, 0]);
    assert.ok(step.kind === "request");
    assert.deepEqual([step.host, step.port], ["example.org", 8080]);
    assert.deepEqual([...step.rest], payload.slice(0, step.rest.length));
  }));
  const { step } = run(bytes);
  assert.ok(step.kind === "request");
  assert.deepEqual([...step.rest], payload);
});

Deno.test("SOCKS5: what is not served is refused by its code", () => {
  const refused = (code: number) => [5, 0, ...encodeReply(code)];
  const cases: [number[], number[]][] = [
    [[4, 1, 0, 80], [5, 0xff]],
    [[5, 1, 2], [5, 0xff]],
    [[5, 0], [5, 0xff]],
    [[...GREETING, 5, 2, 0, ...IPV4, 0, 80], refused(SocksReply.commandNotSupported)],
    [[...GREETING, 5, 3, 0, ...IPV4, 0, 80], refused(SocksReply.commandNotSupported)],
    [[...GREETING, 5, 1, 0, 9, 1, 1], refused(SocksReply.addressTypeNotSupported)],
    [[...GREETING, 4], refused(SocksReply.failure)],
  ];
  for (const [bytes, expected] of cases) {
    const { step, replies } = run(bytes);
    assert.equal(step.kind, "refused", String(bytes));
    assert.deepEqual(replies, expected, String(bytes));
  }
});

Deno.test("SOCKS5: several methods may be offered; an unfinished message waits", () => {
  assert.deepEqual(run([5, 3, 2, 1, 0]).replies, [5, 0]);
  for (let length = 1; length < GREETING.length; length++) {
    assert.equal(run(GREETING.slice(0, length)).step.kind, "more");
  }
  for (let length = 0; length < connect(...NAME).length; length++) {
    const { step } = run([...GREETING, ...connect(...NAME).slice(0, length)]);
    assert.equal(step.kind, "more", String(length));
  }
});

Deno.test("SOCKS5: whatever the bytes, nothing is thrown, and it ends within 519 of them", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const hostile = fc.oneof(
    fc.array(byte, { minLength: 519, maxLength: 600 }),
    fc.array(byte, { minLength: 519, maxLength: 600 }).map((bytes) => [...GREETING, ...bytes]),
    fc.array(byte, { minLength: 519, maxLength: 600 }).map((
      bytes,
    ) => [...GREETING, 5, 1, 0, ...bytes]),
  );
  fc.assert(fc.property(hostile, fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1 }), (
    bytes,
    sizes,
  ) => {
    const { step } = run(bytes, sizes);
    assert.notEqual(step.kind, "more");
  }));
});

Deno.test("SOCKS5: after its end there is nothing to push", () => {
  const handshake = new SocksHandshake();
  assert.equal(handshake.push(Uint8Array.of(4)).kind, "refused");
  assert.throws(() => handshake.push(Uint8Array.of(5)), TypeError);
});
