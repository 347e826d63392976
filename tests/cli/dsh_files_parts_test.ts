import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ProtocolError } from "../../cmd/dsh/protocol/protocol_error.ts";
import { progressText } from "../../cmd/dsh/transfer/client/progress_text.ts";
import { framesOf } from "../../cmd/dsh/transfer/frame_input.ts";
import { FrameOutput } from "../../cmd/dsh/transfer/frame_output.ts";
import { FileFrame } from "../../cmd/dsh/transfer/protocol/file_frame.ts";
import { Tally } from "../../cmd/dsh/transfer/tally.ts";
import { TransferFailure } from "../../cmd/dsh/transfer/transfer_failure.ts";
import { allowedPath } from "../../cmd/dsh/transfer/tree/allowed_path.ts";
import { isIntoPath } from "../../cmd/dsh/transfer/tree/destination.ts";
import { HeldInode } from "../../cmd/dsh/transfer/tree/held_inode.ts";
import { PartFile, partName } from "../../cmd/dsh/transfer/tree/part_file.ts";
import { SourceTree } from "../../cmd/dsh/transfer/tree/source_tree.ts";
import { TargetTree } from "../../cmd/dsh/transfer/tree/target_tree.ts";
import { TreeError } from "../../cmd/dsh/transfer/tree/tree_error.ts";
import { TreeReceiver } from "../../cmd/dsh/transfer/tree_receiver.ts";
import { TreeSender } from "../../cmd/dsh/transfer/tree_sender.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A test with a directory, and a hold on `root` in it. */
function directoryTest(
  name: string,
  test: (root: HeldInode, directory: string) => Promise<void> | void,
): void {
  Deno.test({
    name: `dsh files: ${name}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const directory = Deno.makeTempDirSync({ prefix: "dhtnet-test-" });
      Deno.mkdirSync(`${directory}/root`);
      using root = HeldInode.root(`${directory}/root`);
      await test(root, directory);
      Deno.removeSync(directory, { recursive: true });
    },
  });
}

/** Does something again and again until it is done, while `root/d` and `root/link` change places. */
async function whileSwapped(directory: string, work: () => boolean): Promise<void> {
  const loop = "while [ ! -e ../stop ]; do mv -T d t; mv -T link d; mv -T d link; mv -T t d; done";
  const swap = new Deno.Command("sh", {
    args: ["-c", loop],
    cwd: `${directory}/root`,
    stderr: "null",
  }).spawn();
  const deadline = performance.now() + 20_000;
  try {
    for (let turn = 0; !work(); turn++) {
      assert.ok(performance.now() < deadline, "both never came about");
      if (turn % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    // Not killed: the mv that it is at would go on, while the directory is being removed.
    Deno.writeTextFileSync(`${directory}/stop`, "");
    await swap.status;
  }
}

Deno.test("dsh files: a peer's path is taken from the root, and stays in it", () => {
  const good = [["", ""], [".", ""], ["a/./b/", "a/b"], ["/srv/x", "x"], ["/srv", ""]];
  for (const [path, names] of good) {
    assert.equal(allowedPath("/srv", path!).join("/"), names, path);
  }
  assert.deepEqual(allowedPath("/", "/etc/x"), ["etc", "x"]);
  for (
    const path of [
      ...["..", "a/..", "/", "/etc", "/srvx", "/srv/../etc", "/srv/..", "//srv", "//a", "a/\ud800"],
      "n".repeat(256),
    ]
  ) assert.throws(() => allowedPath("/srv", path), TreeError, path);
});

Deno.test("dsh files: which paths are directories to put something into", () => {
  for (const path of ["", ".", "..", "/", "a/", "a/.", "a/.."]) assert.ok(isIntoPath(path), path);
  for (const path of ["a", "a/b", "...", ".a", "a.", "a/b."]) assert.ok(!isIntoPath(path), path);
});

directoryTest("what is held is held, whatever takes its name", (root, directory) => {
  Deno.mkdirSync(root.at("d"));
  Deno.mkdirSync(`${directory}/outside`);
  using held = root.beneath(["d"]);
  Deno.renameSync(root.at("d"), root.at("moved"));
  Deno.symlinkSync(`${directory}/outside`, root.at("d"));
  const part = PartFile.create(held, "x");
  part.complete({ sha256: sha256(new Uint8Array()), mode: 0o644, modifiedMs: 0 });
  assert.deepEqual([...Deno.readDirSync(`${directory}/outside`)], []);
  assert.ok(Deno.statSync(root.at("moved/x")).isFile);
  assert.throws(() => root.beneath(["d"]), /"d" is a symbolic link/);
  assert.throws(() => root.beneath(["d"], "links-inside"), /leads out of what is allowed/);
  assert.throws(() => root.beneath(["d", "x"]), TreeError);
});

directoryTest(
  "a link that is swapped in, again and again, leads nowhere",
  async (root, directory) => {
    Deno.mkdirSync(`${directory}/outside`);
    Deno.mkdirSync(root.at("d"));
    Deno.symlinkSync(`${directory}/outside`, root.at("link"));
    const seen = { stored: 0, refused: 0 };
    let index = 0;
    await whileSwapped(directory, () => {
      try {
        using tree = new TargetTree({ root, names: [], isInto: true, sourceName: undefined });
        tree.directory({ kind: "directory", path: "", mode: 0o755, modifiedMs: 0 });
        tree.create(`d/${index++}`).close();
        seen.stored++;
      } catch (error) {
        assert.ok(error instanceof TreeError, String(error));
        seen.refused++;
      }
      return seen.stored >= 20 && seen.refused >= 20;
    });
    assert.deepEqual([...Deno.readDirSync(`${directory}/outside`)], []);
  },
);

directoryTest(
  "a link that is swapped in, again and again, shows nothing of where it leads",
  async (root, directory) => {
    Deno.mkdirSync(`${directory}/outside`);
    Deno.mkdirSync(root.at("d"));
    Deno.writeTextFileSync(`${directory}/outside/file`, "secret");
    Deno.writeTextFileSync(`${directory}/outside/other`, "secret");
    Deno.writeTextFileSync(root.at("d/file"), "public");
    Deno.symlinkSync(`${directory}/outside`, root.at("link"));
    const seen = { public: 0, secret: 0, refused: 0 };
    await whileSwapped(directory, () => {
      using tree = new SourceTree(root.shared());
      for (const entry of tree.entries()) {
        assert.ok(!entry.path.endsWith("/other"), "what is elsewhere is listed");
      }
      try {
        using file = tree.open("d/file");
        const bytes = new Uint8Array(6);
        file.readSync(bytes);
        seen[new TextDecoder().decode(bytes) as "public" | "secret"]++;
      } catch (error) {
        assert.ok(error instanceof TreeError, String(error));
        seen.refused++;
      }
      return seen.public >= 20 && seen.refused >= 20;
    });
    assert.equal(seen.secret, 0);
  },
);

directoryTest(
  "a link in the place of a directory that was just made is not followed",
  (root, directory) => {
    Deno.mkdirSync(`${directory}/outside`);
    using tree = new TargetTree({ root, names: [], isInto: true, sourceName: undefined });
    const entry = { kind: "directory", mode: 0o755, modifiedMs: 0 } as const;
    tree.directory({ ...entry, path: "" });
    tree.directory({ ...entry, path: "d" });
    tree.directory({ ...entry, path: "e" }); // the hold on d is let go of
    Deno.removeSync(root.at("d"));
    Deno.symlinkSync(`${directory}/outside`, root.at("d"));
    assert.throws(() => tree.create("d/x"), /"d" is a symbolic link/);
    const failures: string[] = [];
    tree.finish((path) => failures.push(path));
    assert.deepEqual(failures, ["d"]);
    assert.deepEqual([...Deno.readDirSync(`${directory}/outside`)], []);
  },
);

directoryTest("a link in a tree that is received is not followed, wherever it leads", (root) => {
  Deno.mkdirSync(root.at("other"));
  Deno.symlinkSync("other", root.at("d"));
  using tree = new TargetTree({ root, names: [], isInto: true, sourceName: undefined });
  const directory = { kind: "directory", mode: 0o755, modifiedMs: 0 } as const;
  tree.directory({ ...directory, path: "" });
  assert.throws(() => tree.directory({ ...directory, path: "d" }), /symbolic link in its place/);
  assert.throws(() => tree.create("d/x"), /"d" is a symbolic link/);
  assert.deepEqual([...Deno.readDirSync(root.at("other"))], []);
});

directoryTest("a part: named when its hash is right, removed when not", async (root) => {
  const bytes = new TextEncoder().encode("contents");
  const good = PartFile.create(root, "good");
  await good.write(bytes);
  assert.equal(root.look("good"), undefined);
  assert.equal(root.look(".good.dhtnet-part")!.mode! & 0o777, 0o600);
  good.complete({ sha256: sha256(bytes), mode: 0o640, modifiedMs: 1_500_000_000_001 });
  assert.equal(root.look("good")!.mode! & 0o777, 0o640);
  assert.equal(root.look("good")!.mtime!.getTime(), 1_500_000_000_001);
  const bad = PartFile.create(root, "good");
  await bad.write(new Uint8Array(100_000));
  const completion = { sha256: sha256(bytes), mode: 0o640, modifiedMs: 0 };
  assert.throws(() => bad.complete(completion), /does not have the hash/);
  assert.equal(Deno.readTextFileSync(root.at("good")), "contents");
  assert.deepEqual([...Deno.readDirSync(root.path)].map(({ name }) => name), ["good"]);
});

directoryTest("a part: gone on with, but not while another transfer writes it", async (root) => {
  const bytes = new Uint8Array(200_000).map((_, index) => index * index >> 7);
  const first = PartFile.create(root, "x");
  await first.write(bytes.subarray(0, 150_000));
  await assert.rejects(PartFile.resume(root, "x", 200_000), /another transfer is writing it/);
  assert.throws(() => PartFile.create(root, "x"), /another transfer is writing it/);
  first.keep();
  assert.equal(await PartFile.resume(root, "x", 149_999), undefined, "longer than the file");
  const second = await PartFile.resume(root, "x", 200_000);
  assert.equal(second!.size, 150_000);
  assert.equal(second!.sha256, sha256(bytes.subarray(0, 150_000)));
  await second!.write(bytes.subarray(150_000));
  second!.complete({ sha256: sha256(bytes), mode: 0o600, modifiedMs: 0 });
  assert.deepEqual(Deno.readFileSync(root.at("x")), bytes);
  const little = PartFile.create(root, "y");
  await little.write(bytes.subarray(0, 1000));
  little.keep();
  assert.equal(root.look(partName("y")), undefined, "little is not worth keeping");
});

directoryTest("a part: what stands in its place is not followed", (root, directory) => {
  Deno.writeTextFileSync(`${directory}/victim`, "safe");
  Deno.symlinkSync(`${directory}/victim`, root.at(partName("x")));
  const part = PartFile.create(root, "x");
  part.complete({ sha256: sha256(new Uint8Array()), mode: 0o777, modifiedMs: 0 });
  assert.equal(Deno.readTextFileSync(`${directory}/victim`), "safe");
  assert.notEqual(Deno.statSync(`${directory}/victim`).mode! & 0o777, 0o777);
  assert.ok(root.look("x")!.isFile);
  assert.equal(new TextEncoder().encode(partName("n".repeat(255))).length < 256, true);
});

/** A transfer in memory, of which the test may change what is sent. */
async function transfer(
  source: HeldInode,
  target: HeldInode,
  meanwhile: (tally: Tally) => void = () => {},
): Promise<{ notes: string[]; tally: Tally }> {
  const [near, far] = MemoryChannel.pair("x", Promise.resolve());
  const notes: string[] = [];
  const tally = new Tally();
  const note = ({ path, reason }: { path: string; reason: string }) => {
    notes.push(`${path}: ${reason}`);
  };
  using tree = new SourceTree(source.beneath([]));
  using into = new TargetTree({
    ...{ root: target, names: ["copy"], isInto: false, sourceName: undefined },
  });
  const sending = new TreeSender(tree, new FrameOutput(near), { tally, note() {} });
  const receiving = new TreeReceiver(into, new FrameOutput(far), {
    tally: Object.assign(new Tally(), { carry: () => meanwhile(tally) }),
    note,
  });
  await Promise.all([sending.run(framesOf(near)), receiving.run(framesOf(far))]);
  return { notes, tally };
}

directoryTest(
  "a file that changes, or goes, while it is sent, is named",
  async (root, directory) => {
    const source = `${directory}/source`;
    Deno.mkdirSync(source);
    Deno.writeFileSync(`${source}/changes`, new Uint8Array(2_000_000));
    Deno.writeFileSync(`${source}/gone`, new Uint8Array(2_000_000));
    Deno.writeFileSync(`${source}/stays`, new Uint8Array(10));
    using held = HeldInode.root(source);
    let isFirst = true;
    const { notes } = await transfer(held, root, ({ current }) => {
      if (!isFirst) return;
      isFirst = false;
      const other = current === "changes" ? "gone" : "changes";
      Deno.truncateSync(`${source}/${current}`, 5);
      if (current !== "stays") Deno.removeSync(`${source}/${other}`);
    });
    assert.equal(notes.length, 2);
    assert.match(notes.join(), /: it (became shorter|changed) while it was read/);
    assert.match(notes.join(), /: there is no such file or directory/);
    assert.equal(Deno.statSync(root.at("copy/stays")).size, 10);
    assert.ok(root.beneath(["copy"]).look("gone") === undefined);
  },
);

directoryTest("a file that is written while it is sent is named", async (root, directory) => {
  const source = `${directory}/source`;
  Deno.mkdirSync(source);
  Deno.writeFileSync(`${source}/file`, new Uint8Array(2_000_000));
  Deno.utimeSync(`${source}/file`, new Date(0), new Date(0));
  using held = HeldInode.root(source);
  const { notes } = await transfer(held, root, () => {
    using file = Deno.openSync(`${source}/file`, { write: true });
    file.writeSync(Uint8Array.of(1));
  });
  assert.deepEqual(notes, ["file: it changed while it was read"]);
  assert.equal(root.look("copy/file"), undefined);
});

/** What becomes of frames that a hostile sender sends. */
async function receive(root: HeldInode, frames: [FileFrame, unknown][]): Promise<unknown> {
  const [near, far] = MemoryChannel.pair("x", Promise.resolve());
  using tree = new TargetTree({ root, names: ["copy"], isInto: false, sourceName: undefined });
  const observer = { tally: new Tally(), note() {} };
  const output = new FrameOutput(near);
  for (const [type, value] of frames) {
    await output.add(type, value instanceof Uint8Array ? value : encode(value));
  }
  await output.drain();
  await near.closeWrite();
  const run = new TreeReceiver(tree, new FrameOutput(far), observer).run(framesOf(far));
  return await run.then(() => undefined, (error) => error);
}

directoryTest("a hostile sender breaks the protocol, and nothing else", async (root) => {
  const file = (name: string) =>
    [FileFrame.entries, { entries: [["f", name, 0, 0o644, 5]] }] as const;
  const begin = { index: 0, offset: 0, size: 5, modifiedMs: 0 };
  const five = new Uint8Array(5);
  const hostile: [FileFrame, unknown][][] = [
    [[FileFrame.data, five]],
    [[FileFrame.end, { sha256: sha256(five) }]],
    [[FileFrame.begin, begin]],
    [[FileFrame.skip, { index: 0 }]],
    [[FileFrame.done, {}]],
    [[FileFrame.request, {}]],
    [[...file("")], [FileFrame.begin, { ...begin, index: 1 }]],
    [[...file("")], [FileFrame.begin, { ...begin, offset: 3 }]],
    [[...file("")], [FileFrame.begin, begin], [FileFrame.data, new Uint8Array(6)]],
    [[...file("")], [FileFrame.begin, begin], [FileFrame.begin, begin]],
    [[...file("")], [FileFrame.begin, begin], [FileFrame.finished, {}]],
    [[...file("")], [FileFrame.finished, {}]],
    [[FileFrame.entries, { entries: [["f", "../x", 0, 0o644, 0]] }]],
    [[FileFrame.entries, { entries: [["l", "x", 0, "/etc"]] }]],
  ];
  for (const frames of hostile) {
    const error = await receive(root, frames);
    assert.ok(error instanceof ProtocolError, `${JSON.stringify(frames)}: ${error}`);
  }
  const lost = await receive(root, [[...file("")], [FileFrame.begin, begin]]);
  assert.ok(lost instanceof TransferFailure);
  // What has no directory of its own is not stored anywhere.
  const orphan = [FileFrame.entries, { entries: [["f", "a/b", 0, 0o644, 0]] }] as const;
  assert.equal(await receive(root, [[...orphan], [FileFrame.finished, {}]]), undefined);
  assert.deepEqual([...Deno.readDirSync(root.path)], []);
});

directoryTest("wrong bytes are not stored under the name", async (root) => {
  const begin = { index: 0, offset: 0, size: 5, modifiedMs: 0 };
  const result = await receive(root, [
    [FileFrame.entries, { entries: [["f", "", 0, 0o644, 5]] }],
    [FileFrame.begin, begin],
    [FileFrame.data, new Uint8Array(5)],
    [FileFrame.end, { sha256: sha256(new Uint8Array(4)) }],
    [FileFrame.finished, {}],
  ]);
  assert.equal(result, undefined);
  assert.deepEqual([...Deno.readDirSync(root.path)], []);
});

Deno.test("dsh files: how far it is, in one line that fits", () => {
  const tally = { bytes: 2 ** 31, bytesDone: 2 ** 30, isComplete: true, current: "name\x1b[31m" };
  const one = { ...tally, files: 1, filesDone: 0 };
  const whole = "50 %  1.0 GiB of 2.0 GiB  256.0 MiB/s  0:04 left  name\ufffd[31m";
  assert.equal(progressText(one, 2 ** 28, 80), whole);
  assert.equal(progressText(one, undefined, 80), "50 %  1.0 GiB of 2.0 GiB  name\ufffd[31m");
  const more = { ...tally, files: 7000, filesDone: 5, isComplete: false, current: "x".repeat(100) };
  const text = progressText(more, 1000, 80);
  assert.ok(
    text.startsWith("…  1.0 GiB of 2.0 GiB so far  5 of 7000 files  1000 bytes/s  …xx"),
    text,
  );
  assert.equal(text.length, 79);
  assert.equal(progressText(more, 1, 20).length, 19);
});
