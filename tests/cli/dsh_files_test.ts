import assert from "node:assert/strict";
import { lutimesSync } from "node:fs";
import { DshServer } from "./dsh_process.ts";
import { describeTree } from "./tree_description.ts";

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
      } catch (error) {
        console.error(server.log);
        throw error;
      } finally {
        await server[Symbol.asyncDispose]();
        await Deno.remove(directory, { recursive: true });
      }
    },
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
  assert.match(again.stderr, /dsh: 0 of 307 files carried, 0 bytes/);
});
