import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CLIENT_TYPES,
  FrameType,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_STREAM_BYTES,
  SERVER_TYPES,
  writeHeader,
} from "../../cmd/dsh/protocol/frame.ts";
import { FrameDecoder } from "../../cmd/dsh/protocol/frame_decoder.ts";
import { FrameWriter } from "../../cmd/dsh/protocol/frame_writer.ts";
import {
  decodeCredit,
  decodeExit,
  decodeFailure,
  decodeSignal,
  decodeSize,
  decodeStarted,
  encodeCredit,
  encodeExit,
  encodeFailure,
  encodeSignal,
  encodeSize,
  encodeStarted,
} from "../../cmd/dsh/protocol/messages.ts";
import { ProtocolError } from "../../cmd/dsh/protocol/protocol_error.ts";
import {
  decodeSessionRequest,
  encodeSessionRequest,
  type SessionRequest,
} from "../../cmd/dsh/protocol/session_request.ts";
import { MemorySink } from "../support/memory_streams.ts";

const EMPTY: SessionRequest = {
  command: undefined,
  binary: undefined,
  terminal: undefined,
  environment: [],
  kept: undefined,
};
/** Objects as literals are. */
const PLAIN = { noNullPrototype: true };
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Bytes in pieces that begin and end anywhere. */
function* pieces(all: Uint8Array, sizes: readonly number[]): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0, index = 0; at < all.length; index++) {
    const size = sizes[index % sizes.length]!;
    yield all.slice(at, at + size);
    at += size;
  }
}

Deno.test("dsh frames: what is written is read, however it is cut", async () => {
  const frame = fc.record({
    type: fc.constantFrom(...CLIENT_TYPES),
    payload: bytes(300),
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
  await fc.assert(fc.asyncProperty(fc.array(frame), sizes, async (frames, sizes) => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink);
    await Promise.all(frames.map(({ type, payload }) => writer.send(type, payload)));
    const decoder = new FrameDecoder(CLIENT_TYPES);
    const read: { type: number; payload: number[] }[] = [];
    for (const piece of pieces(sink.bytes, sizes)) {
      for (const { type, payload } of decoder.decode(piece)) {
        const last = read.at(-1);
        // Input comes in parts: neighbours are one.
        if (type === FrameType.input && last?.type === type) last.payload.push(...payload);
        else read.push({ type, payload: [...payload] });
      }
    }
    assert.ok(decoder.isComplete);
    const expected: typeof read = [];
    for (const { type, payload } of frames) {
      const last = expected.at(-1);
      if (type === FrameType.input && payload.length === 0) continue;
      if (type === FrameType.input && last?.type === type) last.payload.push(...payload);
      else expected.push({ type, payload: [...payload] });
    }
    assert.deepEqual(read, expected);
  }));
});

Deno.test("dsh frames: no bytes make the decoder fail in another way, or keep more than a message", () => {
  fc.assert(fc.property(bytes(2000), bytes(8), (hostile, sizes) => {
    const decoder = new FrameDecoder(SERVER_TYPES);
    try {
      for (const piece of pieces(hostile, [...sizes, 7].map((size) => size + 1))) {
        for (const { payload } of decoder.decode(piece)) assert.ok(payload.length <= 2000);
      }
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("dsh frames: types of the other side and lengths beyond the limit are refused", () => {
  const header = (type: FrameType, length: number) => {
    const bytes = new Uint8Array(HEADER_BYTES);
    writeHeader(bytes, type, length);
    return bytes;
  };
  const decode = (type: FrameType, length: number) => [
    ...new FrameDecoder(CLIENT_TYPES).decode(header(type, length)),
  ];
  for (const type of SERVER_TYPES) {
    assert.throws(() => decode(type, 0), { name: "ProtocolError", code: "frame-type" });
  }
  assert.deepEqual(decode(FrameType.input, MAX_STREAM_BYTES), []);
  assert.deepEqual(decode(FrameType.request, MAX_MESSAGE_BYTES), []);
  const tooLong = { name: "ProtocolError", code: "frame-length" };
  assert.throws(() => decode(FrameType.input, MAX_STREAM_BYTES + 1), tooLong);
  assert.throws(() => decode(FrameType.request, MAX_MESSAGE_BYTES + 1), tooLong);
});

Deno.test("dsh frames: bytes of programs are not copied", () => {
  const bytes = new Uint8Array(HEADER_BYTES + 100);
  writeHeader(bytes, FrameType.output, 200);
  const [frame] = new FrameDecoder(SERVER_TYPES).decode(bytes);
  assert.equal(frame!.payload.buffer, bytes.buffer);
  assert.equal(frame!.payload.length, 100);
});

Deno.test("dsh request: what is encoded is decoded", () => {
  const line = fc.string({ minLength: 1, maxLength: 200, unit: "binary" })
    .filter((text) => !text.includes("\0") && text.isWellFormed());
  const size = fc.integer({ min: 1, max: 65_535 });
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const request = fc.record({
    command: optional(line),
    binary: optional(line),
    terminal: optional(
      fc.record({ columns: size, rows: size, type: fc.constant("xterm-256color") }, PLAIN),
    ),
    environment: fc.array(
      fc.tuple(fc.constantFrom("LANG", "LC_ALL", "_x1"), line),
      { maxLength: 5 },
    ),
    kept: optional(fc.record({
      name: fc.constantFrom("work", "a.b-c_1"),
      mode: fc.constantFrom("new" as const, "attach" as const),
    }, PLAIN)),
  }, PLAIN);
  fc.assert(fc.property(request, (request) => {
    assert.deepEqual(decodeSessionRequest(encodeSessionRequest(request)), request);
  }));
});

Deno.test("dsh request: whatever else it says is refused", () => {
  const wrong: unknown[] = [
    ...[null, [], 7, "text", {}, { version: 2 }, { version: "1" }],
    ...[{ command: "" }, { command: 7 }, { command: "a\0b" }, { command: "x".repeat(40_000) }],
    ...[{ binary: "" }, { terminal: {} }, { terminal: [] }, { terminal: null }],
    ...[0, -1, 1.5, 65_536, "80"].map((columns) => ({
      terminal: { columns, rows: 24, type: "xterm" },
    })),
    ...[0, -1, 1e9, null].map((rows) => ({ terminal: { columns: 80, rows, type: "xterm" } })),
    ...[
      ...["", "a b", "x\n", "\nx", "xterm\r", "xterm\x1b]0;owned\x07", "\x9b31m", "xterm\0"],
      ...["../x", "..", ".", "/etc/passwd", "x/../../y", "-x", "$(id)", "`id`", "x;id", "\u202ex"],
      ...["x".repeat(65), "x".repeat(60_000), 7, null],
    ].map((type) => ({ terminal: { columns: 80, rows: 24, type } })),
    ...[{ environment: {} }, { environment: ["A"] }, { environment: [["A"]] }],
    ...[["A B", "x"], ["1A", "x"], ["", "x"], ["A=B", "x"], ["A", "x\0"], ["A", 1]].map((
      entry,
    ) => ({
      environment: [entry],
    })),
    { environment: Array.from({ length: 65 }, () => ["A", "x"]) },
    ...[{ kept: "x" }, { kept: { name: "x" } }, { kept: { name: "../x", mode: "new" } }],
  ];
  for (const fields of wrong) {
    const isMessage = typeof fields === "object" && fields !== null && !Array.isArray(fields) &&
      !("version" in fields) && Object.keys(fields).length > 0;
    const message = encode(isMessage ? { version: 1, ...fields } : fields);
    assert.throws(
      () => decodeSessionRequest(message),
      { name: "ProtocolError", code: "message" },
      JSON.stringify(fields),
    );
  }
});

Deno.test("dsh request: one that is too long is not sent", () => {
  const request = { ...EMPTY, environment: [["A", "x".repeat(70_000)]] as const };
  assert.throws(() => encodeSessionRequest(request), { code: "frame-length" });
});

Deno.test("dsh messages: what is encoded is decoded", () => {
  assert.deepEqual(decodeStarted(encodeStarted({ ignored: ["A_1"] })), { ignored: ["A_1"] });
  for (const exit of [{ code: 0 }, { code: 255 }, { signal: "SIGTERM" }]) {
    assert.deepEqual(decodeExit(encodeExit(exit)), exit);
  }
  const failure = { code: "refused", reason: "because" } as const;
  assert.deepEqual(decodeFailure(encodeFailure(failure)), failure);
  const size = { columns: 300, rows: 65_535 };
  assert.deepEqual(decodeSize(encodeSize(size)), size);
  assert.equal(decodeCredit(encodeCredit(0xffff_ffff)), 0xffff_ffff);
  assert.equal(decodeSignal(encodeSignal("INT")), "SIGINT");
});

Deno.test("dsh messages: no bytes make a decoder fail in another way", () => {
  const decoders = [
    ...[decodeStarted, decodeExit, decodeFailure, decodeSize, decodeCredit, decodeSignal],
    decodeSessionRequest,
  ];
  const json = fc.json().map((text) => new TextEncoder().encode(text));
  fc.assert(fc.property(fc.oneof(bytes(200), json), (payload) => {
    for (const decode of decoders) {
      try {
        decode(payload);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }
  }));
  for (const wrong of [{ code: 256 }, { code: -1 }, { code: "0" }, { signal: "TERM" }, {}]) {
    assert.throws(() => decodeExit(encode(wrong)), { code: "message" });
  }
  assert.throws(() => decodeSize(new Uint8Array(4)), { code: "message" });
  assert.throws(() => decodeSize(new Uint8Array(5)), { code: "frame-length" });
  assert.throws(() => decodeSignal(new TextEncoder().encode("STOP")), { code: "message" });
});
