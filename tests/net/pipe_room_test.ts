import assert from "node:assert/strict";
import { enlargePipe } from "../../lib/net/pipe_room.ts";
import { LIBC_PATHS } from "../../lib/net/system_libc.ts";

const MODULE = new URL("../../lib/net/pipe_room.ts", import.meta.url).href;
const CODE = `import { enlargePipe } from ${JSON.stringify(MODULE)};
console.log(enlargePipe(0));`;

/** What the function says of the standard input of a process with these rights, given by a shell. */
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
  name: "pipe room: a pipe gets it with no right but to call libc; what is no pipe does not",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const right = `--allow-ffi=${LIBC_PATHS.join()}`;
    assert.equal(await said("pipe", right), "true");
    assert.equal(await said("file", right), "false");
  },
});

Deno.test("pipe room: without permission the pipe stays as it is", async () => {
  assert.equal(await said("pipe"), "false");
});

Deno.test("pipe room: a descriptor that is not open has none", () => {
  assert.equal(enlargePipe(99_999), false);
});
