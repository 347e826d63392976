import assert from "node:assert/strict";
import { RoomyPipe } from "../../lib/net/roomy_pipe.ts";
import { LIBC_PATHS } from "../../lib/net/system_libc.ts";

const MODULE = new URL("../../lib/net/roomy_pipe.ts", import.meta.url).href;
const CODE = `import { RoomyPipe } from ${JSON.stringify(MODULE)};
console.log(RoomyPipe.open(0, "read") !== undefined);`;

/** What is said of the standard input of a process with these rights, given by a shell. */
async function said(input: "pipe" | "file", ...permissions: string[]): Promise<string> {
  const module = `data:application/typescript,${encodeURIComponent(CODE)}`;
  const command = [Deno.execPath(), "run", "--no-prompt", "--allow-read", ...permissions, module];
  const line = input === "pipe" ? 'head -c 0 /dev/zero | "$@"' : '"$@" < /dev/null';
  const shell = new Deno.Command("sh", {
    args: ["-c", line, "sh", ...command],
    stderr: "null",
    env: { NO_COLOR: "1" },
  });
  return new TextDecoder().decode((await shell.output()).stdout).trim();
}

Deno.test({
  name: "roomy pipe: a pipe gets room with no right but to call libc; what is no pipe does not",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const right = `--allow-ffi=${LIBC_PATHS.join()}`;
    assert.equal(await said("pipe", right), "true");
    assert.equal(await said("file", right), "false");
  },
});

Deno.test("roomy pipe: without permission the pipe stays as it is", async () => {
  assert.equal(await said("pipe"), "false");
});

Deno.test("roomy pipe: a descriptor that is not open has none", () => {
  assert.equal(RoomyPipe.open(99_999, "read"), undefined);
});

Deno.test({
  name: "roomy pipe: takes what is there, gives what there is room for, and never waits",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const path = `${await Deno.makeTempDir()}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    using _pipe = Deno.openSync(path, { read: true, write: true });
    const descriptor = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))
      .find((one) => linkOf(one) === path)!;
    const input = RoomyPipe.open(descriptor, "read")!;
    const output = RoomyPipe.open(descriptor, "write")!;
    const into = new Uint8Array(3 << 20);
    assert.equal(input.read(into), 0);
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    assert.equal(output.write(bytes), bytes.length);
    assert.equal(input.read(into), bytes.length);
    assert.deepEqual(into.subarray(0, bytes.length), bytes);
    assert.equal(output.write(into), 1 << 20);
    assert.equal(output.write(bytes), 0);
    await Deno.remove(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  },
});

function linkOf(descriptor: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}
