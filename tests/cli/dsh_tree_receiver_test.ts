import assert from "node:assert/strict";
import { ProtocolError } from "../../cmd/dsh/protocol/protocol_error.ts";
import { framesOf } from "../../cmd/dsh/transfer/frame_input.ts";
import { FrameOutput } from "../../cmd/dsh/transfer/frame_output.ts";
import { FileFrame, WINDOW } from "../../cmd/dsh/transfer/protocol/file_frame.ts";
import { MAX_ENTRIES } from "../../cmd/dsh/transfer/protocol/tree_entry.ts";
import { Tally } from "../../cmd/dsh/transfer/tally.ts";
import { HeldInode } from "../../cmd/dsh/transfer/tree/held_inode.ts";
import { PartFile } from "../../cmd/dsh/transfer/tree/part_file.ts";
import { TargetTree } from "../../cmd/dsh/transfer/tree/target_tree.ts";
import { TreeReceiver } from "../../cmd/dsh/transfer/tree_receiver.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

/** Bytes of a file, and of its beginning, which is worth keeping. */
const SIZE = 200_000;
const PART = 100_000;
/** What a sender says of a file. */
const file = (name: string) => ["f", name, 0, 0o644, SIZE];

/** What a sender says that breaks the protocol, after a transfer that has left the part of `x`. */
function hostileTest(name: string, frames: [FileFrame, unknown][]): void {
  Deno.test({
    name: `dsh files: ${name}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const directory = Deno.makeTempDirSync({ prefix: "dhtnet-test-" });
      using root = HeldInode.root(directory);
      const part = PartFile.create(root, "x");
      await part.write(new Uint8Array(PART));
      part.keep();
      const [near, far] = MemoryChannel.pair("x", Promise.resolve());
      using tree = new TargetTree({ root, names: [], isInto: true, sourceName: undefined });
      const observer = { tally: new Tally(), note() {} };
      const run = new TreeReceiver(tree, new FrameOutput(far), observer).run(framesOf(far));
      const answers = (async () => {
        const buffer = new Uint8Array(65_536);
        while (await near.read(buffer) !== null);
      })().catch(() => {});
      const output = new FrameOutput(near);
      for (const [type, value] of frames) {
        await output.add(type, new TextEncoder().encode(JSON.stringify(value)));
      }
      const sent = output.drain().catch(() => {});
      await assert.rejects(run, ProtocolError);
      far.reset();
      await Promise.all([answers, sent]);
      // Else it would still be locked: "another transfer is writing it".
      const again = await PartFile.resume(root, "x", SIZE);
      assert.equal(again?.size, PART);
      again.close();
      Deno.removeSync(directory, { recursive: true });
    },
  });
}

const begin = (index: number) => ({ index, offset: 0, size: SIZE, modifiedMs: 0 });
const top = ["d", "", 0, 0o755];

hostileTest("a file within a file leaves no part locked", [
  [FileFrame.entries, { entries: [top, file("a"), file("x")] }],
  [FileFrame.begin, begin(1)],
  [FileFrame.begin, begin(2)],
]);

hostileTest("more files than are allowed at once leave no part locked", [
  ...Array.from({ length: WINDOW / MAX_ENTRIES }, (_, turn): [FileFrame, unknown] => [
    FileFrame.entries,
    {
      entries: Array.from(
        { length: MAX_ENTRIES },
        (_, at) => turn + at === 0 ? top : file(`${turn}-${at}`),
      ),
    },
  ]),
  [FileFrame.entries, { entries: [file("last"), file("x")] }],
]);
