import assert from "node:assert/strict";
import { Pty } from "../../lib/net/pty.ts";
import { shownAt } from "../support/shown_at_terminal.ts";

const MODULE = import.meta.resolve("../../cmd/tool/output.ts");
const CODE = `import { setTerminalRaw, writeError } from ${JSON.stringify(MODULE)};
Deno.stdin.setRaw(true);
for (const isRaw of [true, false]) {
  setTerminalRaw(isRaw);
  writeError("one\\ntwo\\r\\n");
}`;

Deno.test({
  name: "standard error: at a raw terminal a line begins at its left, too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using pty = Pty.open({ columns: 80, rows: 24 });
    const code = `data:application/typescript,${encodeURIComponent(CODE)}`;
    // Without its processing of output, the terminal shows line ends as they were written.
    const line = `stty -F "$0" -opost; exec setsid --ctty "$@" <>"$0" >&0 2>&0`;
    const deno = [Deno.execPath(), "run", "--no-config", "--no-lock", code];
    const child = new Deno.Command("sh", {
      args: ["-c", line, pty.path, ...deno],
      stdin: "null",
    }).spawn();
    const shown = await shownAt(pty, child);
    // Deno may have said something of itself, and taken it back.
    assert.equal(shown.split("\x1b[J").at(-1), "one\r\ntwo\r\none\ntwo\r\n");
  },
});
