import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeMessage, Method, Software } from "../../lib/stun/mod.ts";
import { decodeChannelData, encodeChannelData } from "../../lib/turn/channel_data.ts";
import { TurnError } from "../../lib/turn/error.ts";
import { StreamParser } from "../../lib/turn/stream_parser.ts";
import { TurnClient } from "../../lib/turn/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { SimulatedTurnServer } from "./simulated_server.ts";
import { CREDENTIALS, PEER } from "./simulation.ts";

const stun = (text: string) =>
  encodeMessage("indication", Method.Data, new Uint8Array(12)).add(Software, text).finish();

Deno.test("ChannelData is padded over a stream, and its length does not count the padding", () => {
  const padded = encodeChannelData(0x4001, Uint8Array.of(1, 2, 3, 4, 5), true);
  assert.deepEqual([...padded], [0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]);
  const plain = encodeChannelData(0x4001, Uint8Array.of(1, 2, 3, 4, 5), false);
  assert.deepEqual([...plain], [0x40, 1, 0, 5, 1, 2, 3, 4, 5]);
  for (const message of [padded, plain]) {
    assert.deepEqual([...decodeChannelData(message)!.bytes], [1, 2, 3, 4, 5]);
  }
});

Deno.test("messages come out of a stream whole, however it is split", () => {
  const message = fc.oneof(
    fc.string({ maxLength: 40 }).map(stun),
    fc.tuple(fc.integer({ min: 0x4000, max: 0x4fff }), fc.uint8Array({ maxLength: 50 }))
      .map(([channel, bytes]) => encodeChannelData(channel, bytes, true)),
  );
  fc.assert(fc.property(
    fc.array(message, { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
    (messages, cuts) => {
      const stream = new Uint8Array(messages.flatMap((bytes) => [...bytes]));
      const parser = new StreamParser();
      const seen: number[][] = [];
      for (let offset = 0, i = 0; offset < stream.length; i++) {
        const end = offset + cuts[i % cuts.length]!;
        const rest = parser.push(stream.slice(offset, end), (bytes) => seen.push([...bytes]));
        assert.equal(rest, undefined);
        offset = end;
      }
      assert.deepEqual(seen, messages.map((bytes) => [...bytes]));
    },
  ));
});

Deno.test("a message within one chunk is not copied", () => {
  const chunk = encodeChannelData(0x4000, new Uint8Array(1200), true);
  new StreamParser().push(chunk, (message) => assert.equal(message.buffer, chunk.buffer));
});

Deno.test("what is neither STUN nor ChannelData ends the stream", () => {
  const spoiled = stun("x");
  spoiled[4] = 0;
  const odd = stun("x");
  odd[3] = 3;
  for (const bytes of [new TextEncoder().encode("SSH-2.0-x"), Uint8Array.of(0x50), spoiled, odd]) {
    assert.throws(
      () => new StreamParser().push(bytes, () => {}),
      (error) => error instanceof TurnError && error.code === "protocol",
    );
  }
});

Deno.test("a stream that stops leaves the rest untouched", () => {
  const parser = new StreamParser();
  const bytes = new Uint8Array([...stun("last"), ...new TextEncoder().encode("HTTP/1.1")]);
  parser.push(bytes.subarray(0, 10), () => assert.fail());
  const rest = parser.push(bytes.subarray(10), () => parser.stop());
  assert.equal(new TextDecoder().decode(rest), "HTTP/1.1");
  assert.deepEqual([...parser.push(Uint8Array.of(1), () => assert.fail())!], [1]);
});

Deno.test("over a stream nothing is repeated, channels are padded, and its end is told", () => {
  const server = new SimulatedTurnServer();
  const client = new TurnClient({
    transport: "stream",
    credentials: CREDENTIALS,
    random: new SeededRandom(5).bytes,
    now: 0,
  });
  let now = 0;
  const exchange = () => {
    for (let out = client.pollTransmit(); out; out = client.pollTransmit()) {
      assert.equal(out.length % 4, 0);
      for (const answer of server.handle(out, now)) {
        for (const byte of answer) client.handleServerBytes(Uint8Array.of(byte), now);
      }
    }
  };
  exchange();
  assert.equal(client.pollEvent()?.type, "allocated");
  client.bind(PEER, now);
  exchange();
  assert.deepEqual([client.pollEvent()?.type, client.pollEvent()?.type], ["permitted", "bound"]);
  assert.ok(client.send(PEER, Uint8Array.of(1, 2, 3, 4, 5), now));
  exchange();
  assert.deepEqual([...server.relayedOut[0]!.bytes], [1, 2, 3, 4, 5]);
  client.permit("192.0.2.10", now);
  client.pollTransmit();
  now = 30_000;
  client.handleTimeout(now);
  assert.ok((client.pollTransmit()?.length ?? 0) <= 28, "at most a keepalive");
  client.handleServerClosed(now);
  const event = client.pollEvent();
  assert.ok(event?.type === "permitted" || event?.type === "failed");
  assert.equal(client.pollTimeout(), undefined);
});
