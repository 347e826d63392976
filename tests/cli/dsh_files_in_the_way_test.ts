import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { HeldInode } from "../../cmd/dsh/transfer/tree/held_inode.ts";
import { PartFile, partName } from "../../cmd/dsh/transfer/tree/part_file.ts";
import { TargetTree } from "../../cmd/dsh/transfer/tree/target_tree.ts";
import { TreeError } from "../../cmd/dsh/transfer/tree/tree_error.ts";

/** Whether devices can be made. */
const IS_ROOT = Deno.build.os === "linux" && Deno.uid() === 0;
const common = { path: "x", mode: 0o644, modifiedMs: 0 };

/** Things that a rename would replace, though they are neither files nor links. */
const KINDS: [kind: string, isMadeByRoot: boolean, make: (path: string) => Promise<void>][] = [
  ["a FIFO", false, (path) => run("mkfifo", path)],
  ["a device", true, (path) => run("mknod", path, "c", "1", "3")],
  ["a socket", false, async (path) => {
    // Closing it removes the name that it was given.
    using _listener = Deno.listen({ transport: "unix", path: `${path}-own` });
    await Deno.rename(`${path}-own`, path);
  }],
];

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).output();
  assert.ok(success, command);
}

/** A test with a directory, for each kind of thing that may be in the way. */
function inTheWayTest(
  name: string,
  test: (root: HeldInode, make: (name: string) => Promise<void>, kind: string) => Promise<void>,
): void {
  for (const [kind, isMadeByRoot, make] of KINDS) {
    Deno.test({
      name: `dsh files: ${kind} ${name}`,
      ignore: Deno.build.os !== "linux" || (isMadeByRoot && !IS_ROOT),
      async fn() {
        const directory = Deno.makeTempDirSync({ prefix: "dhtnet-test-" });
        using root = HeldInode.root(directory);
        await test(root, (name) => make(`${directory}/${name}`), kind);
        Deno.removeSync(directory, { recursive: true });
      },
    });
  }
}

function treeIn(root: HeldInode): TargetTree {
  const tree = new TargetTree({ root, names: [], isInto: true, sourceName: undefined });
  tree.directory({ kind: "directory", path: "", mode: 0o755, modifiedMs: 0 });
  return tree;
}

inTheWayTest("is not replaced, by whatever entry", async (root, make, kind) => {
  await make("x");
  const before = root.look("x");
  using tree = treeIn(root);
  const reason = { name: "TreeError", message: `there is ${kind} in its place` };
  await assert.rejects(tree.find({ kind: "file", size: 5, ...common }), reason);
  assert.throws(() => tree.createEmpty({ kind: "file", size: 0, ...common }), reason);
  assert.throws(() => tree.link({ kind: "link", target: "y", ...common }), reason);
  assert.throws(() => tree.directory({ kind: "directory", ...common }), reason);
  assert.deepEqual(root.look("x"), before);
});

inTheWayTest("that comes while a file is received is not replaced", async (root, make, kind) => {
  const part = PartFile.create(root, "x");
  await make("x");
  const before = root.look("x");
  const sha256 = createHash("sha256").digest("hex");
  assert.throws(() => part.complete({ sha256, ...common }), { message: new RegExp(kind) });
  assert.deepEqual(root.look("x"), before);
});

inTheWayTest("in the place of a part is not removed", async (root, make, kind) => {
  await make(partName("x"));
  const before = root.look(partName("x"));
  assert.throws(() => PartFile.create(root, "x"), { message: new RegExp(kind) });
  assert.deepEqual(root.look(partName("x")), before);
});

Deno.test({
  name: "dsh files: what stands for a program's own descriptors, as /dev/stdout, is not replaced",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "dhtnet-test-" });
    using root = HeldInode.root(directory);
    using tree = treeIn(root);
    for (const target of ["/proc/self/fd/1", "/proc/self/fd"]) {
      Deno.symlinkSync(target, root.at("x"));
      await assert.rejects(tree.find({ kind: "file", size: 5, ...common }), TreeError);
      assert.throws(() => tree.createEmpty({ kind: "file", size: 0, ...common }), TreeError);
      assert.equal(Deno.readLinkSync(root.at("x")), target);
      Deno.removeSync(root.at("x"));
    }
    await run("mkfifo", `${directory}/fifo`);
    Deno.symlinkSync("fifo", root.at("x"));
    tree.createEmpty({ kind: "file", size: 0, ...common });
    assert.ok(root.look("x")!.isFile, "any other link makes way");
    assert.ok(root.look("fifo")!.isFifo, "what it led to stays");
    Deno.removeSync(directory, { recursive: true });
  },
});
