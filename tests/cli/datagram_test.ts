import assert from "node:assert/strict";
import fc from "fast-check";
import { DatagramChannel } from "../../cmd/dnc/datagram/datagram_channel.ts";
import {
  DatagramDecoder,
  encodeDatagrams,
  MAX_DATAGRAM_BYTES,
} from "../../cmd/dnc/datagram/framing.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

Deno.test("datagrams survive a stream that is cut anywhere", () => {
  const datagrams = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  fc.assert(fc.property(datagrams, cuts, (sent, sizes) => {
    const stream = encodeDatagrams(sent);
    const decoder = new DatagramDecoder();
    const received: Uint8Array[] = [];
    for (let at = 0, piece = 0; at < stream.length; piece++) {
      const size = sizes[piece % sizes.length]!;
      received.push(...decoder.decode(stream.subarray(at, at + size)));
      at += size;
    }
    assert.deepEqual(received, sent);
  }));
});

Deno.test("datagrams of every length; none that is longer", () => {
  const longest = new Uint8Array(MAX_DATAGRAM_BYTES).fill(7);
  const stream = encodeDatagrams([longest, new Uint8Array(0)]);
  assert.deepEqual([...new DatagramDecoder().decode(stream)], [longest, new Uint8Array(0)]);
  assert.throws(() => encodeDatagrams([new Uint8Array(MAX_DATAGRAM_BYTES + 1)]), RangeError);
});

Deno.test("a channel carries datagrams both ways; the end of one side ends the other", async () => {
  const [a, b] = MemoryChannel.pair("x", Promise.resolve());
  const [here, there] = [new DatagramChannel(a), new DatagramChannel(b)];
  for (const text of ["one", "", "three"]) here.send(new TextEncoder().encode(text));
  const received: string[] = [];
  for await (const datagram of there.datagrams()) {
    received.push(new TextDecoder().decode(datagram));
    if (received.length === 3) here.close();
  }
  assert.deepEqual(received, ["one", "", "three"]);
  assert.equal(b.ending, "closed");
});

Deno.test("a channel that nobody reads loses datagrams, and holds a bounded number", async () => {
  const [a, b] = MemoryChannel.pair("x", Promise.resolve());
  const here = new DatagramChannel(a);
  for (let count = 0; count < 2_000; count++) here.send(new Uint8Array(1_000));
  const there = new DatagramChannel(b);
  let received = 0;
  setTimeout(() => there.close(), 50);
  for await (const _ of there.datagrams()) received++;
  assert.ok(received > 100 && received < 600, String(received));
  here.close();
});

Deno.test("an idle channel ends by itself", async () => {
  const [a, b] = MemoryChannel.pair("x", Promise.resolve());
  const [here, there] = [new DatagramChannel(a, 10), new DatagramChannel(b)];
  const all = async (flow: DatagramChannel) => await Array.fromAsync(flow.datagrams());
  assert.deepEqual(await Promise.all([all(here), all(there)]), [[], []]);
  assert.equal(a.ending, "closed");
});
