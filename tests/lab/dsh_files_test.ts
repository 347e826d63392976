import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { describeTree } from "../cli/tree_description.ts";
import { Background, eventually, run } from "./command.ts";
import { startDsh, Tmux } from "./dsh_site.ts";
import { type Lab, labTest } from "./lab.ts";
import { pseudoRandom } from "./pseudo_random.ts";

/** What the large file has; `DSH_FILES_MIB=2048` makes it 2 GiB. */
const LARGE_MIB = Number(Deno.env.get("DSH_FILES_MIB") ?? 256);
const SMALL_FILES = 10_000;
const DIRECTORIES = 100;
/** No small file is longer, bytes. */
const SMALL_BYTES = 4096;

/** Makes a directory for a server's root. */
async function makeRoot(lab: Lab): Promise<string> {
  const root = `${lab.directory}/root`;
  await Deno.mkdir(root);
  return root;
}

async function writeFile(path: string, bytes: number, seed: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const chunk of pseudoRandom(bytes, seed)) {
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
}

/** Kills a client once a condition holds. */
async function killWhen(client: readonly string[], condition: () => boolean): Promise<void> {
  await using process = new Background(client);
  await eventually("enough is there", condition);
  process.kill("SIGKILL");
  assert.equal((await process.status).signal, "SIGKILL", "it was not done before");
}

/** Bytes that the server was sent in its transfers so far. */
function carried(log: string): number[] {
  return [...log.matchAll(/ put ".*carried \d+ files, (\d+) bytes/g)].map(([, bytes]) =>
    Number(bytes)
  );
}

labTest(`dsh --put of ${SMALL_FILES} small files, interrupted and resumed`, async (lab) => {
  const [root, tree] = [await makeRoot(lab), `${lab.directory}/tree`];
  const { client, server } = await startDsh(lab, "--files", root);
  let total = 0;
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    Deno.mkdirSync(`${tree}/${directory}`, { recursive: true });
    for (let index = 0; index < SMALL_FILES / DIRECTORIES; index++) {
      const bytes = (directory * 131 + index * 17) % SMALL_BYTES;
      await writeFile(`${tree}/${directory}/${index}`, bytes, index);
      total += bytes;
    }
  }
  const put = [...client, "--put", tree, "copy"];
  const count = () => {
    try {
      return [...Deno.readDirSync(`${root}/copy`)].length;
    } catch {
      return 0;
    }
  };
  // More than are announced before the first of them is sent.
  await killWhen(put, () => count() > DIRECTORIES / 2);
  const begin = performance.now();
  await run(...put);
  const seconds = (performance.now() - begin) / 1000;
  assert.deepEqual(describeTree(`${root}/copy`), describeTree(tree));
  await server.shows(/carried \d+ files, \d+ bytes, complete/);
  const [first, second] = carried(server.stderr) as [number, number];
  assert.ok(first > 0 && second < total, `${first} and ${second} of ${total}: some were there`);
  // The one file that was cut in two is too short to be worth keeping.
  assert.ok(first + second >= total && first + second <= total + SMALL_BYTES);
  console.log(
    `${SMALL_FILES} files, ${total} bytes: ${first} before the client was killed, ${second} after it ` +
      `in ${seconds.toFixed(1)} s`,
  );
  assert.equal(await run(...put), "", "and once more: nothing to do");
}, 180_000);

labTest(`dsh --put and --get of ${LARGE_MIB} MiB, interrupted and resumed`, async (lab) => {
  const [root, file] = [await makeRoot(lab), `${lab.directory}/file`];
  const total = LARGE_MIB * 2 ** 20;
  await writeFile(file, total, 1);
  const { client, server } = await startDsh(lab, "--files", root);
  const sizeOf = (path: string) => {
    try {
      return Deno.statSync(path).size;
    } catch {
      return 0;
    }
  };
  const put = [...client, "--put", file, "copy"];
  await killWhen(put, () => sizeOf(`${root}/.copy.dhtnet-part`) > total / 4);
  const begin = performance.now();
  await run(...put);
  const seconds = (performance.now() - begin) / 1000;
  await run("cmp", file, `${root}/copy`);
  const [first, second] = carried(server.stderr) as [number, number];
  assert.equal(first + second, total, "nothing is sent twice");
  console.log(
    `put: ${first} bytes before the client was killed, ${second} after it ` +
      `in ${seconds.toFixed(1)} s, ${(second / 1e6 / seconds).toFixed(0)} MB/s`,
  );
  const get = [...client, "--get", "copy", `${lab.directory}/back`];
  const part = `${lab.directory}/.back.dhtnet-part`;
  await killWhen(get, () => sizeOf(part) > total / 4);
  const kept = sizeOf(part);
  await run(...get);
  await run("cmp", file, `${lab.directory}/back`);
  await server.shows(/get "copy".*complete/);
  const [, bytes] = /get "copy".*carried 1 files, (\d+) bytes, complete/.exec(server.stderr)!;
  assert.equal(Number(bytes), total - kept, "nothing is sent twice");

  await using tmux = await Tmux.open(lab);
  const again = shellLine([...client, "--get", "copy", `${lab.directory}/again`]);
  await tmux.type(`clear; ${again}; echo status=$?`, "Enter");
  await tmux.shows(/^\d+ % +[\d.]+ \w+ of [\d.]+ \w+ +[\d.]+ \w+\/s +\d+:\d\d left$/m);
  await tmux.shows(/^dsh: 1 file, [\d.]+ \w+ carried in [\d.]+ s, [\d.]+ \w+\/s\n+status=0$/m);
}, 600_000);

labTest("dsh --put: a full disk", async (lab) => {
  const [root, tree] = [await makeRoot(lab), `${lab.directory}/tree`];
  await run("mount", "-t", "tmpfs", "-o", "size=24m", "none", root);
  try {
    const { client } = await startDsh(lab, "--files", root);
    await Deno.mkdir(tree);
    await writeFile(`${tree}/large`, 64 * 2 ** 20, 1);
    await writeFile(`${tree}/small`, 0, 2);
    const { code, stderr } = await new Deno.Command(client[0]!, {
      args: [...client.slice(1), "--put", tree, "copy"],
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 1, said);
    assert.match(said, /^dsh: large: no space left on device$/m);
    assert.match(said, /^dsh: 1 not copied, see above$/m);
    const names = [...Deno.readDirSync(`${root}/copy`)].map(({ name }) => name).sort();
    assert.deepEqual(names, [".large.dhtnet-part", "small"], "nothing half-written has its name");
  } finally {
    await run("umount", "-l", root);
  }
}, 120_000);
