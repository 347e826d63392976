import assert from "node:assert/strict";
import { EarlyPipe, isEarlyDatagram } from "../../lib/endpoint/early_pipe.ts";
import { turnOfEventLoop } from "../../lib/net/mod.ts";

const PATH = {
  local: { ip: "192.0.2.1", port: 1 },
  remote: { ip: "192.0.2.2", port: 2 },
};

function pair(): { pipe: EarlyPipe; sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  return { pipe: new EarlyPipe(PATH, (datagram) => sent.push(datagram)), sent };
}

/** The datagrams of some writes. */
async function datagrams(...writes: Uint8Array[]): Promise<Uint8Array[]> {
  const { pipe, sent } = pair();
  pipe.open();
  for (const bytes of writes) await pipe.write(bytes);
  return sent;
}

async function read(pipe: EarlyPipe): Promise<number[]> {
  const buffer = new Uint8Array(3000);
  return [...buffer.subarray(0, (await pipe.read(buffer))!)];
}

Deno.test("early pipe: bytes arrive in order, whatever the datagrams do", async () => {
  const sent = await datagrams(Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5, 6));
  assert.equal(sent.length, 3);
  assert.ok(sent.every(isEarlyDatagram));
  const { pipe } = pair();
  for (const index of [2, 0, 0, 2, 1, 0]) pipe.take(sent[index]!);
  assert.deepEqual([await read(pipe), await read(pipe)], [[1, 2], [3]]);
  const small = new Uint8Array(2);
  assert.equal(await pipe.read(small), 2);
  assert.deepEqual([...small], [4, 5]);
  assert.deepEqual(await read(pipe), [6]);
});

Deno.test("early pipe: what follows a lost datagram waits for another pipe", async () => {
  const sent = await datagrams(Uint8Array.of(1), Uint8Array.of(2));
  const { pipe } = pair();
  pipe.take(sent[1]!);
  let failure: Error | undefined;
  const reading = pipe.read(new Uint8Array(1)).catch((error) => failure = error);
  await turnOfEventLoop();
  assert.equal(failure, undefined);
  await pipe.abort();
  await reading;
  assert.match(failure!.message, /replaced/);
});

Deno.test("early pipe: ten datagrams of 1,200 bytes at most, then it waits to be replaced", async () => {
  const { pipe, sent } = pair();
  let exhausted = 0, written = false;
  pipe.onExhausted = () => exhausted++;
  pipe.open();
  const writing = pipe.write(new Uint8Array(50_000)).then(() => written = true);
  await turnOfEventLoop();
  assert.deepEqual(sent.map(({ length }) => length), new Array(10).fill(1_200));
  assert.deepEqual([exhausted, written], [1, false]);
  await pipe.abort();
  await writing;
  assert.equal(sent.length, 10);
});

Deno.test("early pipe: nothing is sent before the path is open, and nothing while held", async () => {
  const { pipe, sent } = pair();
  const writing = pipe.write(Uint8Array.of(1));
  await turnOfEventLoop();
  assert.equal(sent.length, 0);
  pipe.open();
  await writing;
  assert.equal(sent.length, 1);
  pipe.hold();
  const held = pipe.write(Uint8Array.of(2));
  await turnOfEventLoop();
  assert.equal(sent.length, 1);
  await pipe.close();
  await held;
  assert.equal(sent.length, 1);
});

Deno.test("early pipe: other protocols' datagrams are not taken for its own", () => {
  const stun = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42);
  const quic = Uint8Array.of(0xc0, 0, 0, 0, 1);
  const tooMany = Uint8Array.of(0x2d, 10, 1), empty = Uint8Array.of(0x2d, 0);
  for (const bytes of [stun, quic, tooMany, empty, new Uint8Array(0)]) {
    assert.ok(!isEarlyDatagram(bytes));
  }
});
