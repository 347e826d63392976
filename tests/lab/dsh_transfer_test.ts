import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { Background, eventually, run } from "./command.ts";
import { startDsh } from "./dsh_site.ts";
import { labTest } from "./lab.ts";
import { pseudoRandom } from "./pseudo_random.ts";

/** What is carried; `DSH_TAR_MIB=1024` carries a GiB. */
const TAR_MIB = Number(Deno.env.get("DSH_TAR_MIB") ?? 256);
const FILES = 8;

labTest(`tar through dsh: ${TAR_MIB} MiB there and back, errors apart`, async (lab) => {
  const { client } = await startDsh(lab);
  const source = `${lab.directory}/source`;
  const copies = ["there", "back"].map((name) => `${lab.directory}/${name}`);
  for (const path of [source, ...copies]) await Deno.mkdir(path);
  for (let index = 0; index < FILES; index++) {
    using file = await Deno.open(`${source}/${index}`, { write: true, create: true });
    const writer = file.writable.getWriter();
    for (const chunk of pseudoRandom(TAR_MIB * 2 ** 20 / FILES, index)) await writer.write(chunk);
    writer.releaseLock();
  }
  const dsh = shellLine(client);
  const begin = performance.now();
  await run("sh", "-c", `tar c -C ${source} . | ${dsh} -- tar x -C ${copies[0]}`);
  const middle = performance.now();
  await run("sh", "-c", `${dsh} -- tar c -C ${copies[0]} . | tar x -C ${copies[1]}`);
  const rate = (ms: number) => (TAR_MIB * 2 ** 20 / 1e3 / ms).toFixed(0);
  console.log(
    `tar there ${rate(middle - begin)} MB/s, back ${rate(performance.now() - middle)} MB/s`,
  );
  for (const copy of copies) await run("diff", "-r", source, copy);
  const { stdout, stderr, code } = await new Deno.Command(client[0]!, {
    args: [...client.slice(1), "--", "tar c /nowhere | wc -c; echo error >&2"],
    stdin: "null",
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "10240\n");
  assert.match(new TextDecoder().decode(stderr), /^tar: .*\n(tar: .*\n)+error\n$/);
  assert.equal(code, 0);
}, 180_000);

labTest(
  "dsh --user: the rights of another user, its groups and its home, at a terminal too",
  async (lab) => {
    const user = `dsh-test-${Deno.pid}`;
    await run("useradd", "-M", "-d", "/var/tmp", "-s", "/bin/sh", "-G", "audio", user);
    try {
      const { client, server } = await startDsh(lab, "--user", user, "--accept-env", "*");
      const dsh = async (...args: string[]) => {
        const { stdout } = await new Deno.Command(client[0]!, {
          args: [...client.slice(1), ...args],
          stdin: "null",
        }).output();
        return new TextDecoder().decode(stdout).replaceAll("\r", "").trim();
      };
      const script = "id; pwd; echo $HOME $USER $FOO; grep CapEff /proc/self/status; " +
        "echo written > /dev/tty 2>/dev/null || echo none";
      const rights = (await run("id", user)).trim();
      const common = `${rights}\n/var/tmp\n/var/tmp ${user} b a r\nCapEff:\t0000000000000000\n`;
      const env = ["--env", "FOO=b a r", "--env", "LD_PRELOAD=/nowhere/x.so"];
      assert.equal(await dsh(...env, "--", script), `${common}none`);
      assert.equal(await dsh(...env, "--tty", "--", script), `${common}written`);
      await server.shows(new RegExp(`as "${user}"`));
    } finally {
      await run("userdel", user);
    }
  },
);

labTest("dsh --put: its user may end the process that makes it, not the server", async (lab) => {
  const [root, source] = [`${lab.directory}/root`, `${lab.directory}/source`];
  await Deno.mkdir(root, { mode: 0o777 });
  for (const path of [lab.directory, root]) await Deno.chmod(path, 0o777);
  // Takes longer to send than to find the process.
  await Deno.writeFile(source, new Uint8Array());
  await Deno.truncate(source, 16 * 2 ** 30);
  const { client, server } = await startDsh(lab, "--files", root, "--user", "nobody");
  await using put = new Background([...client, "--put", source]);
  let part: Deno.FileInfo | undefined;
  await eventually("something is there", async () => {
    part = await Deno.stat(`${root}/.source.dhtnet-part`).catch(() => undefined);
    return part !== undefined && part.size > 0;
  });
  const workers = (await run("pgrep", "-P", `${server.pid}`, "-u", `${part!.uid}`)).trim();
  // The runtime knows no such signal.
  await run("kill", "-64", ...workers.split("\n"));
  assert.equal((await put.status).code, 255);
  await server.shows(/put "source".*: "the process that made it failed: SIGRTMIN\+30"/);
  await Deno.truncate(source, 3);
  await run(...client, "--put", source);
  assert.equal((await Deno.stat(`${root}/source`)).size, 3);
});
