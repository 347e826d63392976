import assert from "node:assert/strict";
import { Pty, type TerminalSize } from "../../lib/net/pty.ts";
import { shownAt } from "../support/shown_at_terminal.ts";
import { DshServer } from "./dsh_process.ts";

/** What a shell line prints there, that is run from a terminal of a size here. */
async function printed(server: DshServer, size: TerminalSize, line: string): Promise<string> {
  using pty = Pty.open(size);
  const { program, args, env } = server.invocation(["--tty", "--", line]);
  const child = new Deno.Command("sh", {
    args: ["-c", `exec setsid --ctty "$@" <>"$0" >&0 2>&0`, pty.path, program, ...args],
    env: { ...env, TERM: "../evil\x1b[31m" },
    stdin: "null",
  }).spawn();
  const shown = await shownAt(pty, child);
  // Without what the runtime and the client said of themselves, and took back, before.
  return shown.split("\x1b[J").at(-1)!.split("\r\x1b[K").at(-1)!;
}

Deno.test({
  name: "dsh at a terminal of no size, and of absurd ones; what is no type of one does not travel",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const of = (columns: number, rows: number) =>
      printed(server, { columns, rows }, "stty size; echo $TERM");
    assert.equal(await of(0, 0), "24 80\r\nxterm\r\n");
    assert.equal(await of(0, 50), "24 80\r\nxterm\r\n");
    assert.equal(await of(65_535, 65_535), "65535 65535\r\nxterm\r\n");
    assert.equal(await of(1, 1), "1 1\r\nxterm\r\n");
  },
});

Deno.test({
  name: "dsh at a terminal: what a program shows is not changed on its way",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const line = "stty -opost; printf 'a\\nb\\r\\tc\\r\\n'";
    assert.equal(await printed(server, { columns: 80, rows: 24 }, line), "a\nb\r\tc\r\n");
  },
});

Deno.test({
  name: "dsh at a terminal: modes are switched off where a session is left to itself",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const program = "printf 'ready\\033[?1049h'; cat";
    const child = server.command(["--tty", "--detach", "full", "--", program]).spawn();
    const screen = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let shown = "";
    while (!shown.includes("\x1b[?1049h")) shown += (await screen.read()).value;
    const keys = child.stdin.getWriter();
    await keys.write(new TextEncoder().encode("~d"));
    for (let piece = await screen.read(); !piece.done; piece = await screen.read()) {
      shown += piece.value;
    }
    assert.match(shown, /ready.*\[\?1049h.*\[\?1049l.*\[\?25h/);
    assert.equal((await child.status).code, 0);
    assert.match(await new Response(child.stderr).text(), /^\s*dsh: detached\s*$/);
    await keys.abort();
  },
});

Deno.test({
  name: "dsh at a terminal: modes are switched off where a session breaks, not where none begins",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const refused = await server.run(["--attach", "nope"]);
    assert.deepEqual([refused.code, refused.stdout], [255, ""]);
    assert.match(refused.stderr, /^dsh: the peer refused: there is no session "nope"/);
    const child = server.command(["--tty", "--", "printf 'ready\\033[?1000h'; cat"]).spawn();
    const screen = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let shown = "";
    while (!shown.includes("ready\x1b[?1000h")) shown += (await screen.read()).value;
    await server.stop("SIGTERM");
    for (let piece = await screen.read(); !piece.done; piece = await screen.read()) {
      shown += piece.value;
    }
    assert.match(shown, /ready.*\[\?1000l.*\[\?25h/);
    assert.equal((await child.status).code, 255);
    await Promise.all([child.stdin.close(), child.stderr.cancel()]);
  },
});
