import assert from "node:assert/strict";
import { lutimesSync } from "node:fs";
import { DshServer, eventually } from "./dsh_process.ts";
import { describeTree } from "./tree_description.ts";

/** Whether this is root: it can be somebody else, and make devices. */
const IS_ROOT = Deno.uid() === 0;

/** A test with a server of its own, whose root is `root` in a directory for the test. */
function filesTest(
  name: string,
  test: (server: DshServer, directory: string) => Promise<void>,
  args: readonly string[] = [],
): void {
  Deno.test({
    name: `dsh files over loopback: ${name}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "dhtnet-test-" });
      await Deno.mkdir(`${directory}/root`);
      const server = await DshServer.start(["--files", `${directory}/root`, ...args]);
      try {
        await test(server, directory);
        await eventually("the server has let go of all files", () => !holds(server.pid, directory));
      } catch (error) {
        console.error(server.log);
        throw error;
      } finally {
        await server[Symbol.asyncDispose]();
        // Of directories without the right to write, only root could remove what is in them.
        await output("chmod", "-R", "u+rwX", directory);
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

/** Whether a process has anything open in a directory. */
function holds(pid: number, directory: string): boolean {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].some(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`).startsWith(`${directory}/root`);
    } catch {
      return false;
    }
  });
}

/** Bytes that are the same each time, and nowhere the same. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return new Uint8Array(length).map(() => (state = Math.imul(state, 0x41c64e6d) + 0x3039) >>> 16);
}

/** A tree with everything that a tree may have. */
function plant(root: string): void {
  Deno.mkdirSync(`${root}/empty`, { recursive: true });
  Deno.mkdirSync(`${root}/a/b`, { recursive: true });
  Deno.mkdirSync(`${root}/locked`);
  Deno.writeFileSync(`${root}/locked/x`, noise(10));
  Deno.writeFileSync(`${root}/nothing`, noise(0));
  Deno.writeFileSync(`${root}/big`, noise(3_000_001));
  Deno.writeFileSync(`${root}/a/run me`, noise(999));
  Deno.writeFileSync(`${root}/a/line\nend "quoted" \x1b[31m`, noise(5));
  Deno.writeFileSync(`${root}/a/b/grün 漢字 🐢`, noise(70_000));
  Deno.writeFileSync(`${root}/a/b/${"n".repeat(255)}`, noise(12));
  for (let index = 0; index < 300; index++) {
    Deno.writeFileSync(`${root}/a/file ${index}`, noise(index, index));
  }
  Deno.symlinkSync("../big", `${root}/a/up`);
  Deno.symlinkSync("b/nowhere", `${root}/a/dangling`);
  lutimesSync(`${root}/a/up`, 1_111_111_111.5, 1_111_111_111.5);
  Deno.chmodSync(`${root}/a/run me`, 0o751);
  Deno.chmodSync(`${root}/big`, 0o400);
  Deno.utimeSync(`${root}/big`, new Date(1_000_000_000_123), new Date(1_000_000_000_123));
  Deno.chmodSync(`${root}/locked`, 0o555);
  for (const name of ["empty", "a/b", "a", "locked"]) {
    Deno.utimeSync(`${root}/${name}`, new Date(1_234_567_890_321), new Date(1_234_567_890_321));
  }
}

filesTest("a tree goes there and comes back the same", async (server, directory) => {
  plant(`${directory}/tree`);
  const tree = describeTree(`${directory}/tree`);
  const put = await server.run(["--put", `${directory}/tree`, "copy"]);
  assert.deepEqual(put, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(describeTree(`${directory}/root/copy`), tree);
  const get = await server.run(["--get", "copy", `${directory}/back`]);
  assert.deepEqual(get, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(describeTree(`${directory}/back`), tree);
  await server.shows(
    /transfer of \w+ .*, put "copy", .*, carried 307 files, \d+ bytes, complete\n/,
  );
  await server.shows(
    /transfer of \w+ .*, get "copy", .*, carried \d+ files, \d+ bytes, complete\n/,
  );
  const again = await server.run(["--put", `${directory}/tree`, "copy", "--verbose"]);
  assert.match(again.stderr, /dsh: 307 files, 0 bytes carried in/);
});

filesTest(
  "a file, into a directory and under a name; new contents replace it",
  async (server, directory) => {
    const { root, file } = { root: `${directory}/root`, file: `${directory}/file` };
    Deno.mkdirSync(`${root}/sub`);
    Deno.writeFileSync(file, noise(100_000));
    const names: [string[], string][] = [
      [[], "file"],
      [["other"], "other"],
      [["sub"], "sub/file"],
      [[`${root}/absolute`], "absolute"],
    ];
    for (const [remote, name] of names) {
      assert.equal((await server.run(["--put", file, ...remote])).code, 0, name);
      assert.deepEqual(Deno.readFileSync(`${root}/${name}`), noise(100_000), name);
      const logged = remote[0]?.startsWith("/") ? `${root}/${name}` : name;
      await server.shows(new RegExp(`, put "${logged}", .*, complete\\n`));
    }
    Deno.writeFileSync(file, noise(50_000, 7));
    assert.equal((await server.run(["--put", file, "sub/"])).code, 0);
    assert.deepEqual(Deno.readFileSync(`${root}/sub/file`), noise(50_000, 7));
    Deno.mkdirSync(`${directory}/here`);
    assert.equal((await server.run(["--get", "sub/file", `${directory}/here`])).code, 0);
    assert.deepEqual(Deno.readFileSync(`${directory}/here/file`), noise(50_000, 7));
    const lost = await server.run(["--put", file, "no/such/place"]);
    assert.equal(lost.code, 255);
    assert.match(lost.stderr, /"no\/such\/place": there is no such file or directory/);
    const absent = await server.run(["--put", `${directory}/absent`]);
    assert.equal(absent.code, 255);
    assert.match(absent.stderr, /absent: there is no such file or directory/);
  },
);

filesTest("what leads out of the root is refused, and logged", async (server, directory) => {
  const { root, file } = { root: `${directory}/root`, file: `${directory}/file` };
  Deno.mkdirSync(`${directory}/outside/tree`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/outside/secret`, "secret");
  Deno.writeTextFileSync(file, "evil");
  Deno.mkdirSync(`${root}/in/side`, { recursive: true });
  Deno.writeTextFileSync(`${root}/in/x`, "fine");
  Deno.symlinkSync("../outside", `${root}/out`);
  Deno.symlinkSync(`${directory}/outside`, `${root}/absolute`);
  Deno.symlinkSync("../../outside/secret", `${root}/in/secret`);
  Deno.symlinkSync("in", `${root}/alias`);
  for (const path of ["../outside/secret", "/etc/hostname", "out/secret", "absolute/secret"]) {
    const get = await server.run(["--get", path, `${directory}/got`]);
    assert.deepEqual([get.code, get.stdout], [255, ""], path);
    assert.match(get.stderr, /^dsh: the peer refused: ".*": .*(outside|leads out)/, path);
    const put = await server.run(["--put", file, path]);
    assert.deepEqual([put.code, put.stderr], [255, get.stderr], path);
  }
  assert.equal((await server.run(["--get", "in/secret", `${directory}/got`])).code, 255);
  assert.ok(![...Deno.readDirSync(directory)].some(({ name }) => name === "got"));
  assert.equal((await server.run(["--put", file, "in/secret"])).code, 0);
  // A link in the place of a file is replaced; what it led to is not touched.
  assert.equal(Deno.readTextFileSync(`${root}/in/secret`), "evil");
  assert.equal(Deno.readTextFileSync(`${directory}/outside/secret`), "secret");
  assert.deepEqual([...Deno.readDirSync(`${directory}/outside`)].length, 2);
  assert.match(
    server.log,
    /get "\.\.\/outside\/secret", .*, incomplete: .*outside of what is allowed/,
  );
  assert.equal((await server.run(["--get", "alias/x", `${directory}/`])).code, 0, "inside is fine");

  // A tree whose directories are links there.
  Deno.mkdirSync(`${directory}/trap/out/tree`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/trap/out/secret`, "evil");
  const trap = await server.run(["--put", `${directory}/trap`, root]);
  assert.equal(trap.code, 1);
  assert.match(trap.stderr, /out: there is a symbolic link in its place/);
  assert.equal(Deno.readTextFileSync(`${directory}/outside/secret`), "secret");
});

filesTest(
  "links that lead out are left out, others not; files of other kinds are",
  async (server, directory) => {
    const tree = `${directory}/tree`;
    Deno.mkdirSync(`${tree}/d`, { recursive: true });
    Deno.symlinkSync("/etc/passwd", `${tree}/absolute`);
    Deno.symlinkSync("../tree/x", `${tree}/out`);
    Deno.symlinkSync("d/../..", `${tree}/trick`);
    Deno.symlinkSync("../d", `${tree}/d/fine`);
    await new Deno.Command("mkfifo", { args: [`${tree}/fifo`] }).output();
    const { code, stderr } = await server.run(["--put", tree, "copy"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/left out: /g)?.length, 4, stderr);
    assert.deepEqual(describeTree(`${directory}/root/copy/d`), describeTree(`${tree}/d`));
    assert.deepEqual([...Deno.readDirSync(`${directory}/root/copy`)].map(({ name }) => name), [
      "d",
    ]);
  },
);

filesTest("what fails is named, and the others are copied", async (server, directory) => {
  const tree = `${directory}/tree`;
  plantSmall(tree);
  Deno.mkdirSync(`${directory}/root/copy/b`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/root/copy/d`, "no directory");
  const { code, stderr } = await server.run(["--put", tree, "copy"]);
  assert.equal(code, 1);
  assert.match(stderr, /^dsh: b: there is a directory in its place$/m);
  assert.match(stderr, /^dsh: d: there is a file in its place$/m);
  assert.match(stderr, /^dsh: d\/e: .*$/m);
  assert.match(stderr, /^dsh: 3 not copied, see above$/m);
  assert.equal(Deno.readTextFileSync(`${directory}/root/copy/a`), "a");
  assert.equal(Deno.readTextFileSync(`${directory}/root/copy/c`), "c");
});

filesTest("devices and FIFOs stay what they are, on both sides", async (server, directory) => {
  const [root, tree] = [`${directory}/root`, `${directory}/tree`];
  plantSmall(tree);
  plantSmall(`${root}/tree`);
  for (const copy of [`${directory}/copy`, `${root}/copy`]) {
    Deno.mkdirSync(copy);
    for (const name of ["b", "d"]) await output("mkfifo", `${copy}/${name}`);
    if (IS_ROOT) await output("mknod", `${copy}/c`, "c", "1", "3");
  }
  const failures = IS_ROOT ? 4 : 3;
  for (
    const [words, copy] of [
      [["--get", "tree", `${directory}/copy`], `${directory}/copy`],
      [["--put", tree, "copy"], `${root}/copy`],
    ] as const
  ) {
    const { code, stderr } = await server.run(words);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^dsh: b: there is a FIFO in its place$/m);
    assert.match(stderr, /^dsh: d: there is a FIFO in its place$/m);
    assert.match(stderr, new RegExp(`^dsh: ${failures} not copied, see above$`, "m"));
    assert.equal(Deno.readTextFileSync(`${copy}/a`), "a");
    assert.ok(Deno.lstatSync(`${copy}/b`).isFifo);
    if (IS_ROOT) assert.ok(Deno.lstatSync(`${copy}/c`).isCharDevice);
  }
  const name = IS_ROOT ? "c" : "b";
  const reason = /^dsh: .*copy\/[bc]"?: there is a (device|FIFO) in its place\n$/;
  const get = await server.run(["--get", "tree/a", `${directory}/copy/${name}`]);
  assert.equal(get.code, 255);
  assert.match(get.stderr, reason);
  const put = await server.run(["--put", `${tree}/a`, `copy/${name}`]);
  assert.equal(put.code, 255);
  assert.match(put.stderr, reason);
  for (const copy of [`${directory}/copy`, `${root}/copy`]) {
    assert.ok(!Deno.lstatSync(`${copy}/${name}`).isFile);
  }
});

filesTest("a server that only gives", async (server, directory) => {
  plantSmall(`${directory}/root/tree`);
  const put = await server.run(["--put", `${directory}/root/tree`, "other"]);
  assert.equal(put.code, 255);
  assert.match(put.stderr, /^dsh: the peer refused: this peer takes no files\n$/);
  assert.equal((await server.run(["--get", "tree", `${directory}/copy`])).code, 0);
  assert.deepEqual(describeTree(`${directory}/copy`), describeTree(`${directory}/root/tree`));
}, ["--files-read-only"]);

Deno.test("dsh files over loopback: a server without a root serves no files", async () => {
  await using server = await DshServer.start();
  const { code, stderr } = await server.run(["--get", "/etc/hostname"]);
  assert.equal(code, 255);
  assert.match(stderr, /^dsh: .*this peer serves no files: it was started without --files\n$/);
});

filesTest("an interrupted transfer goes on where it was", async (server, directory) => {
  const [file, copy] = [`${directory}/file`, `${directory}/root/copy`];
  const part = `${directory}/root/.copy.dhtnet-part`;
  const bytes = noise(40_000_000);
  Deno.writeFileSync(file, bytes);
  const child = server.command(["--put", file, "copy"]).spawn();
  await eventually("a part is there", () => sizeOf(part) > 4_000_000);
  child.kill("SIGKILL");
  await Promise.all([
    child.status,
    child.stdin.close(),
    child.stdout.cancel(),
    child.stderr.cancel(),
  ]);
  const kept = sizeOf(part);
  assert.ok(kept > 4_000_000 && kept < bytes.length, `${kept} bytes are kept`);
  assert.equal(sizeOf(copy), -1, "nothing is there under its name");
  // The server may not have noticed yet: over QUIC nothing tells it.
  const rest = await server.run(["--put", file, "copy"]);
  assert.deepEqual(rest, { code: 0, stdout: "", stderr: "" });
  const [, first] = await server.shows(/carried 0 files, (\d+) bytes, incomplete: .*(broke|again)/);
  const [, second] = await server.shows(/carried 1 files, (\d+) bytes, complete\n/);
  assert.equal(Number(first) + Number(second), bytes.length, "nothing is sent twice");
  assert.deepEqual(Deno.readFileSync(copy), bytes);
  assert.equal(sizeOf(part), -1);
});

filesTest("what is left of another file is not gone on with", async (server, directory) => {
  const bytes = noise(1_000_000);
  Deno.writeFileSync(`${directory}/file`, bytes);
  Deno.writeFileSync(`${directory}/root/.copy.dhtnet-part`, noise(300_000, 9));
  assert.equal((await server.run(["--put", `${directory}/file`, "copy"])).code, 0);
  assert.deepEqual(Deno.readFileSync(`${directory}/root/copy`), bytes);
  await server.shows(/carried 1 files, 1000000 bytes, complete\n/);
  Deno.writeFileSync(`${directory}/.back.dhtnet-part`, bytes.subarray(0, 300_000));
  assert.equal((await server.run(["--get", "copy", `${directory}/back`])).code, 0);
  assert.deepEqual(Deno.readFileSync(`${directory}/back`), bytes);
  await server.shows(/get "copy", .* carried 1 files, 700000 bytes, complete\n/);
});

filesTest("a transfer in which nothing is carried is ended", async (server, directory) => {
  Deno.writeFileSync(`${directory}/file`, noise(40_000_000));
  const child = server.command(["--put", `${directory}/file`, "copy"]).spawn();
  await eventually("it has begun", () => sizeOf(`${directory}/root/.copy.dhtnet-part`) > 0);
  child.kill("SIGSTOP");
  await server.shows(/put "copy", .*, incomplete: "nothing was carried for too long"\n/);
  child.kill("SIGCONT");
  assert.equal((await child.status).code, 255);
  const said = await new Response(child.stderr).text();
  assert.match(said, /^dsh: .*; give the command again to go on where it stopped\n$/);
  await Promise.all([child.stdin.close(), child.stdout.cancel()]);
}, ["--idle-timeout", "1s", "--transport", "tcp"]);

if (IS_ROOT) {
  filesTest(
    "with another user's rights: what that user may not, peers may not",
    async (server, directory) => {
      const { root, tree } = { root: `${directory}/root`, tree: `${directory}/tree` };
      plant(tree);
      Deno.chmodSync(directory, 0o755);
      const refused = await server.run(["--put", tree, "copy"]);
      assert.equal(refused.code, 255);
      assert.match(refused.stderr, /^dsh: the peer refused: "copy": permission denied\n$/);
      await server.shows(/as "nobody", put "copy", .*, incomplete: .*permission denied/);
      const into = await server.run(["--put", tree, "./"]);
      assert.equal(into.code, 255);
      await server.shows(/as "nobody", put "\.\/tree", .*, incomplete: .*permission denied/);
      const uid = Number(await output("id", "-u", "nobody"));
      Deno.chownSync(root, uid, null);
      assert.deepEqual(await server.run(["--put", tree, "copy"]), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      assert.deepEqual(describeTree(`${root}/copy`), describeTree(tree));
      assert.equal(Deno.statSync(`${root}/copy/a`).uid, uid);
      assert.equal((await server.run(["--put", `${tree}/big`, "copy"])).code, 0);
      await server.shows(/as "nobody", put "copy\/big", .*, complete\n/);
      assert.deepEqual(
        await server.run(["--put", tree, "copy"]),
        { code: 0, stdout: "", stderr: "" },
        "directories without the right to write are no hindrance",
      );
      Deno.writeTextFileSync(`${root}/private`, "root's");
      Deno.chmodSync(`${root}/private`, 0o600);
      const secret = await server.run(["--get", "private", `${directory}/`]);
      assert.equal(secret.code, 1, secret.stderr);
      assert.match(secret.stderr, /private: permission denied/);
      assert.equal((await server.run(["--get", "copy", `${directory}/back`])).code, 0);
      assert.deepEqual(describeTree(`${directory}/back`), describeTree(tree));
    },
    ["--user", "nobody"],
  );
}

async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args }).output();
  return new TextDecoder().decode(stdout);
}

function plantSmall(tree: string): void {
  Deno.mkdirSync(`${tree}/d`, { recursive: true });
  for (const name of ["a", "b", "c", "d/e"]) Deno.writeTextFileSync(`${tree}/${name}`, name);
}

/** Bytes of a file; -1 for none. */
function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return -1;
  }
}
