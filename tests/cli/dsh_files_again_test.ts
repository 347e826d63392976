import assert from "node:assert/strict";
import { DshServer, eventually } from "./dsh_process.ts";

const BYTES = new Uint8Array(40_000_000).map((_, index) => Math.imul(index, 0x41c64e6d) >>> 16);

/** A test with a server of its own, whose root is `root` in a directory for the test. */
function againTest(
  name: string,
  test: (server: DshServer, directory: string) => Promise<void>,
  { args = [], needsRoot = false }: { args?: readonly string[]; needsRoot?: boolean } = {},
): void {
  Deno.test({
    name: `dsh files over loopback: ${name}`,
    ignore: Deno.build.os !== "linux" || (needsRoot && Deno.uid() !== 0),
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "dhtnet-test-" });
      await Deno.mkdir(`${directory}/root`);
      await Deno.chmod(directory, 0o755);
      await Deno.chmod(`${directory}/root`, 0o777);
      try {
        await using server = await DshServer.start(["--files", `${directory}/root`, ...args]);
        await test(server, directory);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

/** Does something while a transfer stands still in its midst; how that ended then. */
async function inTheMidst(
  server: DshServer,
  { args, part }: { args: readonly string[]; part: string },
  work: () => Promise<void>,
): Promise<{ code: number; stderr: string }> {
  const child = server.command(args).spawn();
  const stderr = new Response(child.stderr).text();
  const rest = Promise.all([child.stdin.close(), child.stdout.cancel()]);
  await eventually("a part is there", () => {
    try {
      return Deno.statSync(part).size > 0;
    } catch {
      return false;
    }
  });
  child.kill("SIGSTOP");
  try {
    await work();
  } finally {
    child.kill("SIGCONT");
  }
  await rest;
  return { code: (await child.status).code, stderr: await stderr };
}

againTest("one device gets the same twice at once", async (server, directory) => {
  Deno.writeFileSync(`${directory}/root/big`, BYTES);
  const part = `${directory}/.first.dhtnet-part`;
  const get = { args: ["--get", "big", `${directory}/first`], part };
  const first = await inTheMidst(server, get, async () => {
    const second = await server.run(["--get", "big", `${directory}/second`]);
    assert.deepEqual(second, { code: 0, stdout: "", stderr: "" });
    assert.ok(Deno.statSync(part).size < BYTES.length, "the first one is still at it");
  });
  assert.deepEqual(first, { code: 0, stderr: "" });
  assert.deepEqual(Deno.readFileSync(`${directory}/first`), BYTES);
  assert.deepEqual(Deno.readFileSync(`${directory}/second`), BYTES);
});

/** The second of two puts gets the file; the first one learns why it does not. */
async function putTwice(server: DshServer, directory: string): Promise<void> {
  Deno.writeFileSync(`${directory}/big`, BYTES);
  const args = ["--put", `${directory}/big`, "copy"];
  const part = `${directory}/root/.copy.dhtnet-part`;
  const first = await inTheMidst(server, { args, part }, async () => {
    assert.deepEqual(await server.run(args), { code: 0, stdout: "", stderr: "" });
  });
  const stderr = 'dsh: the peer refused: "copy": the same transfer was begun again\n';
  assert.deepEqual(first, { code: 255, stderr });
  assert.deepEqual(Deno.readFileSync(`${directory}/root/copy`), BYTES);
  await server.shows(/carried 0 files, .*, incomplete: .*the same transfer was begun again"\n/);
  await server.shows(/carried 1 files, .*, complete\n/);
}

againTest("a put that is begun again is told so", putTwice);
againTest("with another user's rights, a put that is begun again is told so", putTwice, {
  ...{ args: ["--user", "nobody"], needsRoot: true },
});

againTest(
  "a file that changes while it is put is named as it was given",
  async (server, directory) => {
    const [source, part] = [`${directory}/big`, `${directory}/root/.big.dhtnet-part`];
    Deno.writeFileSync(source, BYTES);
    const put = { args: ["--put", source], part };
    const { code, stderr } = await inTheMidst(server, put, async () => {
      await Deno.truncate(source, 3);
    });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^dsh: ${source}: it became shorter while it was read$`, "m"));
  },
);
