import assert from "node:assert/strict";
import fc from "fast-check";
import { AddressFilter } from "../../../cmd/dvpn/data/address_filter.ts";
import { DatagramCarriage } from "../../../cmd/dvpn/data/carriage.ts";
import { type Admission, admit } from "../../../cmd/dvpn/data/downlink.ts";
import { frame, FrameError, MAX_GREETING_BYTES } from "../../../cmd/dvpn/data/frame.ts";
import { FrameReader } from "../../../cmd/dvpn/data/frame_reader.ts";
import { Outbox } from "../../../cmd/dvpn/data/outbox.ts";
import { Traffic } from "../../../cmd/dvpn/data/traffic.ts";
import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { ipPacket, offloaded } from "../../net/tun/packets.ts";
import { MemoryDevice } from "./memory_device.ts";

const PEER = [
  { family: 4, ip: "10.80.77.2", prefix: 24 },
  { family: 6, ip: "fd01::2", prefix: 64 },
] as const;
const OTHER = [{ family: 4, ip: "10.80.77.3", prefix: 24 }] as const;
const TCP = { family: 4, protocol: "tcp", payload: new Uint8Array(3000) } as const;

function framesOf(bytes: Uint8Array, pieces: readonly number[]): number[][] {
  const reader = new FrameReader();
  const frames: number[][] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const room = reader.room();
    const count = Math.min(pieces[turn % pieces.length]!, room.length, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    reader.filled(count);
    at += count;
    for (let one = reader.next(); one !== undefined; one = reader.next()) {
      frames.push([one.kind, one.body.length, one.body[0] ?? -1]);
    }
  }
  return frames;
}

Deno.test("dvpn frames: any frames in any pieces come out as they went in", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 65_545 }), { maxLength: 12 });
  const pieces = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(lengths, pieces, (sizes, cuts) => {
      const bodies = sizes.map((size, index) => new Uint8Array(size).fill(index));
      const bytes = bodies.flatMap((body) => [frame(0, body)]);
      const whole = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
      bytes.reduce((at, one) => (whole.set(one, at), at + one.length), 0);
      const expected = bodies.map((body) => [0, body.length, body[0] ?? -1]);
      // One byte at a time would take too long for large ones.
      const cut = whole.length > 20_000 ? cuts.map((one) => one + 500) : cuts;
      assert.deepEqual(framesOf(whole, cut), expected);
    }),
    { numRuns: 60 },
  );
});

Deno.test("dvpn frames: a kind or a length that there is not is an error", () => {
  const strange = [Uint8Array.of(3, 0, 0, 0), Uint8Array.of(0, 1, 0, 10)];
  for (const bytes of [...strange, frame(1, new Uint8Array(MAX_GREETING_BYTES + 1))]) {
    assert.throws(() => framesOf(bytes, [bytes.length]), FrameError);
  }
});

Deno.test("dvpn outbox: while one batch is written another is collected, and no more", async () => {
  const written: number[] = [];
  let take = (): void => {};
  const sink = {
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve) => {
        written.push(bytes.length);
        take = () => resolve(bytes.length);
      }),
  };
  const outbox = new Outbox(sink, () => assert.fail("it took all"));
  const packet = new Uint8Array(60_000);
  assert.ok(outbox.offer(packet));
  outbox.flush();
  let offered = 0;
  while (outbox.offer(packet)) offered++;
  assert.equal(offered, 5); // 256 KiB and what has begun
  outbox.flush();
  assert.deepEqual(written, [60_004]);
  const taken = outbox.taken;
  take();
  await taken;
  assert.deepEqual(written, [60_004, 5 * 60_004]);
  assert.ok(outbox.hasRoom);
  const second = outbox.taken;
  take();
  await second;
  // What comes right after the last byte was taken is not forgotten.
  outbox.offer(packet);
  outbox.flush();
  assert.equal(written.length, 3);
});

Deno.test("dvpn outbox: a sink that fails is reported once, and nothing is taken any more", async () => {
  let failures = 0;
  const outbox = new Outbox(
    { write: () => Promise.reject(new Error("gone")) },
    () => failures++,
  );
  outbox.offer(new Uint8Array(100));
  outbox.flush();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(failures, 1);
  assert.equal(outbox.offer(new Uint8Array(100)), false);
});

function admitted(bytes: Uint8Array, admission: Admission, device = new MemoryDevice()): Traffic {
  const traffic = new Traffic();
  admit(bytes.slice(), device, admission, traffic);
  return traffic;
}

Deno.test("dvpn: a server lets in what comes from the client's own addresses, and counts the rest", () => {
  const packet = offloaded(TCP, 1000);
  const own = admitted(packet, { from: new AddressFilter(PEER) });
  assert.deepEqual([own.packetsReceived, own.drops.spoofed], [1, 0]);
  const spoofed = admitted(packet, { from: new AddressFilter(OTHER) });
  assert.deepEqual([spoofed.packetsReceived, spoofed.drops.spoofed], [0, 1]);
});

Deno.test("dvpn: a client lets in what is for it, and not from it", () => {
  const packet = offloaded(TCP, 1000);
  const us = new AddressFilter([{ family: 4, ip: "10.80.77.1", prefix: 24 }]);
  assert.equal(admitted(packet, { notFrom: us, to: us }).packetsReceived, 1);
  assert.equal(admitted(packet, { to: new AddressFilter(OTHER) }).drops.spoofed, 1);
  assert.equal(admitted(packet, { notFrom: new AddressFilter(PEER) }).drops.spoofed, 1);
});

Deno.test("dvpn: what is no packet never reaches the kernel, whatever it is", () => {
  const device = new MemoryDevice();
  const traffic = new Traffic();
  const from = new AddressFilter(PEER);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const before = device.written.length + traffic.drops.malformed + traffic.drops.spoofed;
    admit(bytes.slice(), device, { from }, traffic);
    assert.equal(
      device.written.length + traffic.drops.malformed + traffic.drops.spoofed,
      before + 1,
    );
  }));
  assert.equal(device.written.length, 0);
});

Deno.test("dvpn: what the kernel does not take is counted", () => {
  const device = new MemoryDevice();
  device.isUp = false;
  assert.equal(admitted(offloaded(TCP, 1000), {}, device).drops.refused, 1);
});

Deno.test("dvpn: segmented UDP is segmented for a kernel that cannot", () => {
  const device = new MemoryDevice(false);
  admitted(offloaded({ ...TCP, protocol: "udp" }, 1000), {}, device);
  assert.deepEqual(device.written.map(({ length }) => length), [1038, 1038, 1038]);
});

function carriage(carry: "auto" | "session" | "datagram", maxBytes: number) {
  const sent: Uint8Array[] = [];
  const datagrams = {
    maxBytes,
    send: (bytes: Uint8Array) => sent.push(bytes) > 0,
    onDatagram: () => {},
    close: () => {},
  };
  return { sent, carriage: new DatagramCarriage(datagrams, carry) };
}

Deno.test("dvpn carriage: TCP by the session, the rest as datagrams, or as told", () => {
  const udp = offloaded({ ...TCP, protocol: "udp", payload: new Uint8Array(1000) }, 0);
  const tcp = offloaded(TCP, 1000);
  const cases = [["auto", tcp, 0], ["auto", udp, 1], ["session", udp, 0], ["datagram", tcp, 3]];
  for (const [carry, packet, count] of cases as ["auto", Uint8Array, number][]) {
    const { carriage: one, sent } = carriage(carry, 1380);
    assert.equal(one.send(packet.slice()), count > 0 ? "session" : undefined);
    assert.equal(sent.length, count);
  }
});

Deno.test("dvpn carriage: a packet that does not fit goes by the session, all of it", () => {
  const { carriage: one, sent } = carriage("datagram", 1039);
  assert.equal(one.send(offloaded(TCP, 1000)), undefined);
  assert.equal(sent.length, 0);
  assert.equal(carriage("datagram", 1040).carriage.send(offloaded(TCP, 1000)), "session");
  assert.equal(carriage("datagram", 0).carriage.send(offloaded(TCP, 1000)), undefined);
});

Deno.test("dvpn carriage: what travels as a datagram is whole", () => {
  const recipe = { ...TCP, payload: new Uint8Array(500) };
  const { carriage: one, sent } = carriage("datagram", 1380);
  one.send(offloaded(recipe, 0));
  assert.deepEqual(sent, [ipPacket(recipe)]);
  assert.equal(sent[0]!.length, offloaded(recipe, 0).length - VNET_HEADER_BYTES);
});
