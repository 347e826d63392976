import assert from "node:assert/strict";
import { isFileOrMemory } from "../../lib/net/own_file.ts";
import { Pty } from "../../lib/net/pty.ts";
import { LIBC_PATHS } from "../../lib/net/system_libc.ts";

const MODULE = new URL("../../lib/net/own_file.ts", import.meta.url).href;
const CODE = `import { isFileOrMemory } from ${JSON.stringify(MODULE)};
console.error(isFileOrMemory(0), isFileOrMemory(1));`;
const SCRIPT = `data:application/typescript,${encodeURIComponent(CODE)}`;

/** What a process says of its standard input and output, given by a shell. */
async function said(line: string, ...permissions: string[]): Promise<string> {
  const command = [Deno.execPath(), "run", "--no-prompt", "--allow-read", ...permissions, SCRIPT];
  const shell = new Deno.Command("sh", {
    args: ["-c", line, "sh", ...command],
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  return new TextDecoder().decode((await shell.output()).stderr).trim();
}

/** What is said of a device that is opened for this. */
function saidOf(path: string): boolean {
  using _device = Deno.openSync(path, { read: true, write: true });
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
  return isFileOrMemory(descriptors.find((one) => linkOf(one) === path)!);
}

function linkOf(descriptor: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}

Deno.test({
  name: "own file: files and devices of memory are told with no right but to call libc",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const right = `--allow-ffi=${LIBC_PATHS.join()}`;
    const directory = await Deno.makeTempDir();
    try {
      assert.equal(await said('"$@" < /dev/zero > /dev/full', right), "true true");
      assert.equal(await said(`"$@" < /dev/null > ${directory}/file`, right), "true true");
      assert.equal(await said(`"$@" < ${directory}/file >> ${directory}/file`, right), "true true");
      assert.equal(await said('head -c 0 /dev/zero | "$@" | cat', right), "false false");
      assert.equal(await said('"$@" < /dev/zero > /dev/full'), "false false");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "own file: what waits is none, wherever lseek(2) works",
  ignore: Deno.build.os !== "linux",
  fn() {
    assert.equal(saidOf("/dev/null"), true);
    using pty = Pty.open({ columns: 80, rows: 24 });
    assert.equal(saidOf(pty.path), false);
    // A printer's driver, too, has lseek(2) do nothing (noop_llseek), and lets readers wait.
    const libc = Deno.dlopen("libc.so.6", {
      eventfd: { parameters: ["u32", "i32"], result: "i32" },
      lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
      close: { parameters: ["i32"], result: "i32" },
    });
    const descriptor = libc.symbols.eventfd(0, 0);
    assert.equal(libc.symbols.lseek(descriptor, 0n, 1), 0n);
    assert.equal(isFileOrMemory(descriptor), false);
    libc.symbols.close(descriptor);
    libc.close();
    assert.equal(isFileOrMemory(99_999), false);
  },
});
