import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FRAME_ACCEPT,
  FRAME_DATA,
  FRAME_DECLINE,
  FRAME_FIN,
  FRAME_OPEN,
  FRAME_RESET,
  FRAME_STOP,
  FRAME_WINDOW,
} from "../../lib/session/frame.ts";
import { RECORD_AEAD } from "../../lib/session/aead.ts";
import { DecryptedRecord } from "../../lib/session/decrypted_record.ts";
import { ReceiveBudget } from "../../lib/session/receive_budget.ts";
import { ReceiveSide } from "../../lib/session/receive_side.ts";
import { RecordKeys } from "../../lib/session/record_keys.ts";
import {
  CONTROL_ACK,
  CONTROL_CLOSE,
  CONTROL_PING,
  RECORD_CONTROL,
  RECORD_HEADER_BYTES,
  RECORD_OVERHEAD_BYTES,
  writeRecordHeader,
} from "../../lib/session/record.ts";
import { type Channel, ChannelCode, SessionCode } from "../../lib/session/mod.ts";
import { FramePeer, u32 } from "../support/frame_peer.ts";
import { settle } from "../support/session_pair.ts";

const OPEN_PAYLOAD = [...u32(1000, 1000), 120];

/** A peer with channel 0 open and accepted. */
function opened(
  limits: Parameters<typeof createPeer>[0] = {},
): { peer: FramePeer; channel: Channel } {
  const peer = createPeer(limits);
  peer.send([FRAME_OPEN, 0, OPEN_PAYLOAD]);
  const channel = peer.end.requests[0]!.accept();
  peer.exchange();
  return { peer, channel };
}

function createPeer(limits: ConstructorParameters<typeof FramePeer>[0]): FramePeer {
  return new FramePeer(limits);
}

/** The session has ended itself with a protocol error and has told the peer. */
function assertViolation(peer: FramePeer, what: string): void {
  assert.equal(peer.end.closes.length, 1, what);
  assert.equal(peer.end.closes[0]!.code, SessionCode.protocolError, what);
  assert.equal(peer.end.closes[0]!.remote, false, what);
  assert.ok(peer.controls.some(({ kind }) => kind === CONTROL_CLOSE), what);
}

const VIOLATIONS: Record<string, (peer: FramePeer) => void> = {
  "DATA for a channel never opened": (peer) => peer.send([FRAME_DATA, 2, [1]]),
  "DATA for our channel never opened": (peer) => peer.send([FRAME_DATA, 1, [1]]),
  "unknown frame type": (peer) => peer.send([99, 0]),
  "OPEN with our parity": (peer) => peer.send([FRAME_OPEN, 3, OPEN_PAYLOAD]),
  "OPEN of the same id": (peer) => peer.send([FRAME_OPEN, 0, OPEN_PAYLOAD]),
  "OPEN with a lower id": (peer) =>
    peer.send([FRAME_OPEN, 8, OPEN_PAYLOAD], [FRAME_OPEN, 6, OPEN_PAYLOAD]),
  "OPEN too short": (peer) => peer.send([FRAME_OPEN, 2, [0, 0, 0]]),
  "OPEN with a long name": (peer) =>
    peer.send([FRAME_OPEN, 2, [...u32(1, 1), ...new Uint8Array(1025)]]),
  "OPEN with too much early data": (peer) => peer.send([FRAME_OPEN, 2, u32(1, 65_537)]),
  "OPEN with a giant window": (peer) => peer.send([FRAME_OPEN, 2, u32(0xffff_ffff, 1)]),
  "ACCEPT of its own channel": (peer) => peer.send([FRAME_ACCEPT, 0, u32(1)]),
  "DECLINE of its own channel": (peer) => peer.send([FRAME_DECLINE, 0, u32(1)]),
  "DATA after FIN": (peer) => peer.send([FRAME_FIN, 0], [FRAME_DATA, 0, [1]]),
  "FIN after FIN": (peer) => peer.send([FRAME_FIN, 0], [FRAME_FIN, 0]),
  "WINDOW of the wrong length": (peer) => peer.send([FRAME_WINDOW, 0, [1]]),
  "WINDOW overflow": (peer) => peer.send([FRAME_WINDOW, 0, u32(0x8000_0000)]),
  "RESET of the wrong length": (peer) => peer.send([FRAME_RESET, 0, [1, 2, 3, 4, 5]]),
  "frame beyond its record": (peer) => peer.sendPlaintext(Uint8Array.of(4, 0, 0, 9, 0, 0, 0, 0, 1)),
  "half a frame header": (peer) => peer.sendPlaintext(Uint8Array.of(4, 0, 0)),
  "DATA beyond the window": (peer) => {
    for (let i = 0; i < 5; i++) {
      const frame = new Uint8Array(60_008);
      frame.set([FRAME_DATA, 0, 60_000 >> 8, 60_000 & 255, 0, 0, 0, 0]);
      peer.sendPlaintext(frame);
    }
  },
};

for (const [what, attack] of Object.entries(VIOLATIONS)) {
  Deno.test(`hostile peer: ${what} ends the session with a protocol error`, async () => {
    const { peer, channel } = opened();
    const read = channel.closed;
    attack(peer);
    assertViolation(peer, what);
    await assert.rejects(read, { code: "session-closed" });
    assert.equal(peer.end.session.stats.channels, 0);
  });
}

Deno.test("hostile peer: speaking before ACCEPT on our channel is a violation", () => {
  for (const type of [FRAME_DATA, FRAME_FIN, FRAME_STOP]) {
    const peer = createPeer({});
    peer.end.session.open("mine");
    peer.exchange();
    peer.send([type, 1]);
    assertViolation(peer, `type ${type}`);
  }
  const peer = createPeer({});
  peer.end.session.open("mine");
  peer.exchange();
  peer.send([FRAME_ACCEPT, 1, u32(10)]);
  assertViolation(peer, "ACCEPT below the early data");
});

Deno.test("frames for a channel that is over are ignored: they crossed its end", () => {
  const { peer, channel } = opened();
  channel.reset(5);
  peer.exchange();
  assert.equal(peer.framesOf(FRAME_RESET).length, 1);
  peer.send([FRAME_DATA, 0, [1]], [FRAME_WINDOW, 0, u32(9)], [FRAME_FIN, 0], [FRAME_STOP, 0]);
  peer.send([FRAME_RESET, 0, u32(1)], [FRAME_ACCEPT, 0, u32(1)]);
  assert.deepEqual(peer.end.closes, []);
});

Deno.test("the peer's window is respected to the byte, also a tiny one", async () => {
  const peer = createPeer({});
  peer.send([FRAME_OPEN, 0, u32(3, 0)]);
  const channel = peer.end.requests[0]!.accept();
  const write = channel.write(new Uint8Array(20_000));
  const sent = () =>
    peer.framesOf(FRAME_DATA).reduce((sum, { payload }) => sum + payload.length, 0);
  peer.exchange();
  assert.equal(sent(), 3);
  peer.send([FRAME_WINDOW, 0, u32(1)]);
  assert.equal(sent(), 4);
  peer.send([FRAME_WINDOW, 0, u32(0)]);
  assert.equal(sent(), 4);
  peer.send([FRAME_WINDOW, 0, u32(30_000)]);
  assert.equal(sent(), 20_000);
  assert.equal(await write, 20_000);
});

Deno.test("too many waiting requests are declined as busy, and so are too many channels", () => {
  const peer = createPeer({ pendingChannels: 3, channels: 5 });
  for (let i = 0; i < 4; i++) peer.send([FRAME_OPEN, 2 * i, OPEN_PAYLOAD]);
  assert.equal(peer.end.requests.length, 3);
  assert.deepEqual(peer.framesOf(FRAME_DECLINE).map(({ id }) => id), [6]);
  assert.deepEqual(
    [...peer.framesOf(FRAME_DECLINE)[0]!.payload.subarray(0, 4)],
    u32(ChannelCode.busy),
  );
  for (const request of peer.end.requests) request.accept();
  for (let i = 4; i < 7; i++) peer.send([FRAME_OPEN, 2 * i, OPEN_PAYLOAD]);
  assert.equal(peer.end.requests.length, 5);
  assert.deepEqual(peer.framesOf(FRAME_DECLINE).map(({ id }) => id), [6, 12]);
  peer.send([FRAME_RESET, 0, u32(0)]);
  peer.send([FRAME_OPEN, 14, OPEN_PAYLOAD]);
  assert.equal(peer.end.requests.length, 6);
  assert.deepEqual(peer.end.closes, []);
});

Deno.test("a peer that acknowledges nothing gets so many channels, also of those that are over", () => {
  const peer = createPeer({ channels: 20 });
  peer.end.onChannel = (request) => void request.accept().close();
  peer.isDeaf = true;
  for (let i = 0; i < 30; i++) peer.send([FRAME_OPEN, 2 * i, u32(0, 0)], [FRAME_FIN, 2 * i]);
  peer.isDeaf = false;
  peer.exchange();
  assert.equal(peer.framesOf(FRAME_FIN).length, 20);
  assert.equal(peer.framesOf(FRAME_DECLINE).length, 10);
  peer.send([FRAME_WINDOW, 0, u32(0)]);
  peer.send([FRAME_OPEN, 100, u32(0, 0)]);
  assert.equal(peer.framesOf(FRAME_FIN).length, 21, "once they are acknowledged, there is room");
});

Deno.test("promised receive memory stays within its limit, however many channels write", () => {
  const limit = 8 << 20;
  const peer = createPeer({ receiveMemory: limit, pendingChannels: 10_000 });
  peer.end.onChannel = (request) => request.accept();
  for (let i = 0; i < 3000; i++) peer.send([FRAME_OPEN, 2 * i, u32(0, i < 500 ? 65_536 : 1024)]);
  const { reservedBytes, channels } = peer.end.session.stats;
  assert.ok(reservedBytes <= limit + channels * 1024, `${reservedBytes} for ${channels} channels`);
  const declined = peer.framesOf(FRAME_DECLINE).length;
  assert.ok(declined > 300 && declined < 500, `${declined} declined`);
});

Deno.test("a record is freed when read, and an unread crumb does not keep it", async () => {
  const side = new ReceiveSide(new ReceiveBudget(8 << 20), 100_000, 100_000, 0);
  const buffer = new Uint8Array(70_000);
  const deliver = (start: number, end: number): DecryptedRecord => {
    const record = new DecryptedRecord(new Uint8Array(50_000).fill(end));
    side.deliver(record, start, end);
    record.release();
    return record;
  };
  const crumb = deliver(0, 1);
  assert.equal(crumb.bytes.length, 0, "copied out and freed");
  const large = deliver(1, 40_001);
  assert.equal(large.bytes.length, 50_000, "kept in place");
  assert.equal(await side.read(buffer), 40_001);
  assert.equal(large.bytes.length, 0, "read and freed");
  const waiting = side.read(buffer);
  assert.equal(deliver(0, 30_000).bytes.length, 0, "straight to the reader and freed");
  side.settle();
  assert.equal(await waiting, 30_000);
  const dropped = deliver(0, 20_000);
  side.stop(new Error("closed"));
  assert.equal(dropped.bytes.length, 0, "dropped and freed");
});

Deno.test("a million one-byte frames cost a window of memory, not an object each", () => {
  const side = new ReceiveSide(new ReceiveBudget(8 << 20), 100_000, 100_000, 0);
  const record = new DecryptedRecord(new Uint8Array(50_000).fill(7));
  for (let i = 0; i < 100_000; i++) side.deliver(record, i % 50_000, i % 50_000 + 1);
  assert.ok(side.pieces <= 10, `${side.pieces} pieces`);
});

/** What arrays hold, bytes, as the runtime counts it. */
const arrayBytes = () => Deno.memoryUsage().external;

Deno.test("a record for every three bytes costs a window of memory, not a record each", () => {
  const side = new ReceiveSide(new ReceiveBudget(8 << 20), 100_000, 100_000, 0);
  for (let i = 0; i < 30_000; i++) {
    side.deliver(new DecryptedRecord(new Uint8Array(11)), 8, 11);
  }
  assert.ok(side.pieces <= 10, `${side.pieces} pieces`);
});

Deno.test("crumbs between pieces that are kept in place get little memory each", () => {
  const side = new ReceiveSide(new ReceiveBudget(64 << 20), 8 << 20, 8 << 20, 0);
  const before = arrayBytes();
  for (let i = 0; i < 5_000; i++) {
    side.deliver(new DecryptedRecord(new Uint8Array(1032)), 8, 1032);
    side.deliver(new DecryptedRecord(new Uint8Array(100)), 8, 9);
  }
  const held = arrayBytes() - before;
  assert.ok(held < 20 << 20, `${held} bytes for ${5_000 * 1_025}`);
});

Deno.test("a flood of pings gets one pong a flight, a flood of opens is bounded", () => {
  const peer = createPeer({});
  for (let i = 0; i < 1000; i++) peer.records.sendControl(CONTROL_PING, new Uint8Array(8));
  for (let out; (out = peer.records.pollTransmit()) !== undefined;) {
    peer.end.session.receive(out, 0);
  }
  const answer = peer.end.drain(0);
  assert.ok(answer.length < 500, `${answer.length} bytes`);

  const flood = createPeer({ pendingChannels: 1 });
  let records = 0;
  // The peer never takes what the session sends.
  for (; records < 30 && !flood.end.session.isClosed; records++) {
    const frames = new Uint8Array(4000 * 16);
    for (let i = 0; i < 4000; i++) {
      frames.set([FRAME_OPEN, 0, 0, 8, ...u32(2 * (records * 4000 + i))], i * 16);
    }
    flood.fill = (into) => {
      flood.fill = () => 0;
      into.set(frames);
      return frames.length;
    };
    for (let out; (out = flood.records.pollTransmit()) !== undefined;) {
      flood.end.session.receive(out, 0);
    }
  }
  flood.end.drain(0);
  assert.equal(flood.end.closes[0]?.code, SessionCode.protocolError);
});

Deno.test("a peer that lost its state, and takes its cursor back, ends the session", () => {
  const peer = createPeer({});
  peer.end.session.open("x");
  peer.exchange();
  peer.records.handleTimeout(1e9);
  peer.exchange();
  assert.equal(peer.end.session.stats.unacknowledgedBytes, 0);
  const fresh = new FramePeer();
  for (let i = 0; i < 5; i++) fresh.records.attach();
  peer.end.session.attach(0);
  peer.end.session.receive(fresh.records.pollTransmit()!, 0);
  peer.end.drain(0);
  assert.equal(peer.end.closes[0]?.code, SessionCode.protocolError);
});

Deno.test("acknowledging what was never sent ends the session", () => {
  const peer = createPeer({});
  const keys = new RecordKeys(new Uint8Array(32).fill(1), new Uint8Array(32).fill(3));
  const record = new Uint8Array(RECORD_OVERHEAD_BYTES + 1);
  writeRecordHeader(record, 0, RECORD_CONTROL, 1, 99, 7);
  const header = record.subarray(0, RECORD_HEADER_BYTES);
  const ack = Uint8Array.of(CONTROL_ACK);
  RECORD_AEAD.seal(keys.control, 99, header, ack, record, RECORD_HEADER_BYTES);
  peer.end.session.receive(record, 0);
  peer.exchange();
  assertViolation(peer, "ACK");
});

Deno.test("property: any frames from an authenticated peer never throw", async () => {
  const frame = fc.tuple(
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 0, max: 12 }),
    fc.uint8Array({ maxLength: 40 }),
  );
  const text = fc.array(fc.array(frame, { minLength: 1, maxLength: 6 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(text, async (records) => {
      const { peer } = opened();
      peer.end.onChannel = (request) => {
        const channel = request.accept();
        channel.read(new Uint8Array(100)).catch(() => {});
        channel.write(new Uint8Array(3000)).catch(() => {});
      };
      peer.end.session.open("own").write(new Uint8Array(100_000)).catch(() => {});
      for (const frames of records) peer.send(...frames);
      await settle();
      peer.exchange();
      assert.ok(peer.end.session.stats.reservedBytes >= 0);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: any bytes on a pipe never throw, and leave the session resumable", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (pieces) => {
      const peer = createPeer({});
      for (const piece of pieces) peer.end.session.receive(piece, 0);
      assert.deepEqual(peer.end.closes, []);
    }),
  );
});
