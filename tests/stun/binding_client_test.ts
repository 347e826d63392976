import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BindingClient,
  type BindingEvent,
  decodeMessage,
  encodeMessage,
  ErrorCode,
  MappedAddress,
  Method,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";

const A = { ip: "192.0.2.1", port: 3478 };
const B = { ip: "192.0.2.2", port: 3478 };
const MAPPED = { ip: "198.51.100.7", port: 4711 };

function clientOf(servers = [A, B]): BindingClient {
  return new BindingClient({ servers, random: new SeededRandom(1).bytes, now: 0 });
}

function take<T>(poll: () => T | undefined): T[] {
  const all: T[] = [];
  for (let one = poll(); one !== undefined; one = poll()) all.push(one);
  return all;
}

function answer(request: Uint8Array): Uint8Array {
  return encodeMessage("success", Method.Binding, decodeMessage(request).transactionId)
    .add(XorMappedAddress, MAPPED).finish();
}

function events(client: BindingClient): BindingEvent[] {
  return take(() => client.pollEvent());
}

Deno.test("all servers are asked at once, and a dead one delays nothing", () => {
  const client = clientOf();
  const [toA, toB] = take(() => client.pollTransmit());
  assert.deepEqual([toA!.to, toB!.to], [A, B]);
  assert.ok(client.handleDatagram(answer(toB!.bytes), B, 30));
  assert.deepEqual(events(client), [{
    type: "mapped",
    server: B,
    mapped: MAPPED,
    roundTripMs: 30,
  }]);
  const sent: number[] = [];
  let now = 0;
  for (let due = client.pollTimeout(); due !== undefined; due = client.pollTimeout()) {
    now = due;
    client.handleTimeout(now);
    for (const { to } of take(() => client.pollTransmit())) {
      assert.deepEqual(to, A);
      sent.push(now);
    }
  }
  assert.deepEqual(sent, [500, 1500]);
  assert.equal(now, 2500);
  assert.deepEqual(events(client), [
    { type: "failed", server: A, reason: "no answer" },
    { type: "done" },
  ]);
});

Deno.test("an answer counts only from the server that was asked", () => {
  const client = clientOf();
  const [toA] = take(() => client.pollTransmit());
  assert.equal(client.handleDatagram(answer(toA!.bytes), B, 1), false);
  assert.equal(client.handleDatagram(answer(toA!.bytes), { ...A, port: 1 }, 1), false);
  assert.deepEqual(events(client), []);
});

Deno.test("an old server's MAPPED-ADDRESS does, an error response and no address do not", () => {
  const outcomes = ["mapped", "failed", "failed"];
  for (const [i, expected] of outcomes.entries()) {
    const client = clientOf([A]);
    const { transactionId } = decodeMessage(client.pollTransmit()!.bytes);
    const response = encodeMessage(i === 1 ? "error" : "success", Method.Binding, transactionId);
    if (i === 0) response.add(MappedAddress, MAPPED);
    if (i === 1) response.add(ErrorCode, { code: 500, reason: "tired" });
    assert.ok(client.handleDatagram(response.finish(), A, 1));
    assert.deepEqual(events(client).map(({ type }) => type), [expected, "done"]);
  }
});

Deno.test("a server that writes IPv4 as IPv6 names the address that was meant", () => {
  const client = clientOf([A]);
  const [question] = take(() => client.pollTransmit());
  const mapped = { ip: "::ffff:198.51.100.7", port: 4711 };
  const response = encodeMessage(
    "success",
    Method.Binding,
    decodeMessage(question!.bytes).transactionId,
  ).add(XorMappedAddress, mapped).finish();
  assert.ok(client.handleDatagram(response, A, 30));
  const [event] = events(client);
  assert.deepEqual(event?.type === "mapped" && event.mapped, MAPPED);
});

Deno.test("no servers, no questions; many servers, eight", () => {
  assert.deepEqual(events(clientOf([])), [{ type: "done" }]);
  const many = Array.from({ length: 50 }, (_, port) => ({ ip: "192.0.2.1", port }));
  const client = clientOf(many);
  assert.equal(take(() => client.pollTransmit()).length, 8);
});

Deno.test("whatever comes in, nothing throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (noise, at) => {
    const client = clientOf([A]);
    const valid = answer(client.pollTransmit()!.bytes);
    client.handleDatagram(noise, A, 1);
    noise.forEach((byte, i) => valid[(at + i) % valid.length]! ^= byte);
    client.handleDatagram(valid, A, 1);
  }));
});
