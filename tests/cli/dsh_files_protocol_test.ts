import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../cmd/dsh/protocol/protocol_error.ts";
import { framesOf } from "../../cmd/dsh/transfer/frame_input.ts";
import { FrameOutput } from "../../cmd/dsh/transfer/frame_output.ts";
import {
  type Answer,
  decodeAnswers,
  encodeAnswers,
} from "../../cmd/dsh/transfer/protocol/answer.ts";
import { FileFrame } from "../../cmd/dsh/transfer/protocol/file_frame.ts";
import {
  decodeBegin,
  decodeEnd,
  decodeFailure,
  decodeNote,
  decodeSkip,
  encodeBegin,
  encodeEnd,
  encodeFailure,
  encodeNote,
  encodeSkip,
} from "../../cmd/dsh/transfer/protocol/file_messages.ts";
import { isName, namesOf, staysInside } from "../../cmd/dsh/transfer/protocol/relative_path.ts";
import {
  decodeTransferRequest,
  encodeTransferRequest,
} from "../../cmd/dsh/transfer/protocol/transfer_request.ts";
import {
  decodeEntries,
  encodeEntries,
  formatEntry,
  type TreeEntry,
} from "../../cmd/dsh/transfer/protocol/tree_entry.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
/** Objects as literals are. */
const PLAIN = { noNullPrototype: true };
const HASH = "ab".repeat(32);

Deno.test("dsh files: a name is one name, a path leads down only", () => {
  for (const name of ["a", " ", "...", "-rf", "\n", "漢字", "n".repeat(255), "a\\b"]) {
    assert.ok(isName(name), name);
  }
  for (const name of ["", ".", "..", "a/b", "a\0", "n".repeat(256), "漢".repeat(86), "\ud800"]) {
    assert.ok(!isName(name), name);
  }
  assert.deepEqual(namesOf(""), []);
  assert.deepEqual(namesOf("a/b"), ["a", "b"]);
  for (const path of ["/", "/a", "a/", "a//b", "a/../b", "..", ".", "a/./b", "a/".repeat(2049)]) {
    assert.equal(namesOf(path), undefined, path);
  }
});

Deno.test("dsh files: a link stays inside when it goes up no further than the top, then down", () => {
  const inside: [string, number][] = [["a", 0], ["a/b", 0], ["./a", 0], ["../a", 1], ["..", 1]];
  inside.push(["../..", 2], [".././../x", 2], ["a//b", 0], ["a/.", 0]);
  for (const [target, depth] of inside) assert.ok(staysInside(target, depth), target);
  const outside: [string, number][] = [["", 3], ["/", 3], ["/a", 3], ["..", 0], ["../..", 1]];
  outside.push(["a/..", 0], ["a/../..", 5], ["../a/..", 5], ["a\0", 1], ["p/q/../../..", 9]);
  for (const [target, depth] of outside) assert.ok(!staysInside(target, depth), target);
});

const common = {
  path: fc.constantFrom("", "a", "a/b c", "ü/\n", `${"n".repeat(200)}/x`),
  modifiedMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
};
const mode = fc.integer({ min: 0, max: 0o777 });
const entry: fc.Arbitrary<TreeEntry> = fc.oneof(
  fc.record({ ...common, kind: fc.constant("file" as const), mode, size: fc.maxSafeNat() }, PLAIN),
  fc.record({ ...common, kind: fc.constant("directory" as const), mode }, PLAIN),
  fc.record({
    ...common,
    kind: fc.constant("link" as const),
    path: fc.constantFrom("a", "b/c"),
    target: fc.constantFrom("x", "y/z"),
  }, PLAIN),
);
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({
    index: fc.nat(),
    kind: fc.constantFrom("have" as const, "want" as const, "failed" as const),
  }, PLAIN),
  fc.record({
    index: fc.nat(),
    kind: fc.constant("resume" as const),
    offset: fc.maxSafeNat(),
    sha256: fc.constant(HASH),
  }, PLAIN),
);

Deno.test("dsh files: messages are read as they were written", () => {
  fc.assert(fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
    assert.deepEqual(decodeEntries(encodeEntries(entries.map(formatEntry))), entries);
  }));
  fc.assert(fc.property(fc.array(answer, { maxLength: 20 }), (answers) => {
    assert.deepEqual(decodeAnswers(encodeAnswers(answers)), answers);
  }));
  const request = { direction: "put", path: "/x/ü\n", name: "n" } as const;
  assert.deepEqual(decodeTransferRequest(encodeTransferRequest(request)), request);
  const begin = { index: 3, offset: 5, size: 2 ** 40, modifiedMs: -1 };
  assert.deepEqual(decodeBegin(encodeBegin(begin)), begin);
  assert.equal(decodeEnd(encodeEnd(HASH)), HASH);
  assert.equal(decodeSkip(encodeSkip(7)), 7);
  const note = { path: "a", reason: "r", isFailure: true };
  assert.deepEqual(decodeNote(encodeNote(note)), note);
  // What is too deep to be copied has a path that is too long for a note, too.
  const deep = { ...note, path: `${"d".repeat(200)}/`.repeat(40) };
  const { path } = decodeNote(encodeNote(deep));
  assert.equal(path, `${deep.path.slice(0, 4095)}…`);
  assert.equal(decodeFailure(encodeFailure("x".repeat(2000))).length, 1024);
});

Deno.test("dsh files: entries that lead elsewhere, or make no sense, are none", () => {
  const entries: unknown[] = [
    ...["..", "/etc", "a/../b", "a//b", "a\0"].map((path) => ["f", path, 0, 0o644, 1]),
    ...[["l", "a", 0, "/etc"], ["l", "a", 0, ".."], ["l", "a/b", 0, "../.."], ["l", "", 0, "x"]],
    ...[["f", "a", 0.5, 0, 1], ["f", "a", 9e15, 0, 1], ["f", "a", null, 0, 1], ["f", "a"]],
    ...[["f", "a", 0, 0o1000, 1], ["f", "a", 0, 0o4755, 1], ["f", "a", 0, -1, 1]],
    ...[["f", "a", 0, 0, -1], ["f", "a", 0, 0, 1e300], ["p", "a", 0, 0], [], null, 5, {}],
  ];
  for (const entry of entries) {
    assert.throws(() => decodeEntries(encode({ entries: [entry] })), ProtocolError);
  }
  assert.throws(() => decodeEntries(encode({ entries: Array(513).fill(["d", "a", 0, 0]) })));
});

const DECODERS = [
  ...[decodeEntries, decodeAnswers, decodeTransferRequest, decodeBegin, decodeEnd],
  ...[decodeSkip, decodeNote, decodeFailure],
];

Deno.test("dsh files: decoders throw one error, whatever the bytes", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.record({
      ...{ entries: fc.anything(), answers: fc.anything(), path: fc.anything() },
      ...{
        version: fc.constantFrom(1, 2),
        direction: fc.constantFrom("put", "x"),
        index: fc.nat(),
      },
      ...{ name: fc.anything(), reason: fc.anything(), sha256: fc.anything(), size: fc.anything() },
    }).map((value) => {
      try {
        return encode(value);
      } catch {
        return new Uint8Array();
      }
    }),
  );
  fc.assert(fc.property(fc.constantFrom(...DECODERS), hostile, (decode, bytes) => {
    try {
      decode(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("dsh files: frames arrive as they were sent, small ones together, data in place", async () => {
  const [near, far] = MemoryChannel.pair("x", Promise.resolve());
  const output = new FrameOutput(near);
  const sending = (async () => {
    await output.add(FileFrame.note, encode("first"));
    for (let count = 0; count < 5; count++) {
      const room = await output.room();
      assert.ok(room.length >= 16 * 1024);
      room.fill(count);
      output.addData(room.length);
      await output.add(FileFrame.end, encode(count));
    }
    await output.drain();
    await near.closeWrite();
  })();
  const seen: string[] = [];
  let bytes = 0;
  for await (const { type, payload } of framesOf(far)) {
    if (type === FileFrame.data) {
      assert.ok(payload.every((byte) => byte === seen.length - 1));
      bytes += payload.length;
    } else seen.push(new TextDecoder().decode(payload));
  }
  await sending;
  assert.deepEqual(seen, ['"first"', "0", "1", "2", "3", "4"]);
  assert.ok(bytes > 500_000);
});

Deno.test("dsh files: a channel that ends within a frame breaks the protocol", async () => {
  const [near, far] = MemoryChannel.pair("x", Promise.resolve());
  await near.write(Uint8Array.of(FileFrame.note, 0, 0, 9, 1));
  await near.closeWrite();
  await assert.rejects(Array.fromAsync(framesOf(far)), ProtocolError);
});
