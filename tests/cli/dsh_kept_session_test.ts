import assert from "node:assert/strict";
import { Pty } from "../../lib/net/pty.ts";
import { DshServer } from "./dsh_process.ts";

/** Tells of signals and of the end of its input, and ends with that. */
const PROGRAM = "trap 'echo signalled' HUP TERM; echo ready; " +
  'while read -r line; do echo "got $line"; done; echo ended';

/** Goes on with a session, and asserts that nothing has happened to it. */
async function assertUntouched(server: DshServer, name: string): Promise<void> {
  const { code, stdout, stderr } = await server.run(["--attach", name], "again\n");
  assert.equal(code, 0, stderr);
  const [before, after] = stdout.split("got again");
  assert.doesNotMatch(before!, /signalled|ended/);
  assert.match(after!, /ended/);
}

Deno.test({
  name: "dsh --detach: a terminal that is closed ends the client, not the session",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const pty = Pty.open({ columns: 80, rows: 24 });
    const { program, args, env } = server.invocation(["--detach", "work", "--", PROGRAM]);
    const child = new Deno.Command("sh", {
      args: ["-c", `exec setsid --ctty "$@" <>"$0" >&0 2>&0`, pty.path, program, ...args],
      env,
      stdin: "null",
    }).spawn();
    const buffer = new Uint8Array(4096);
    for (let shown = ""; !shown.includes("ready");) {
      const count = await pty.read(buffer);
      assert.ok(count !== null, shown);
      shown += new TextDecoder().decode(buffer.subarray(0, count));
    }
    pty.close();
    assert.equal((await child.status).code, 129);
    await assertUntouched(server, "work");
  },
});

Deno.test({
  name: "dsh --detach, --attach: SIGHUP and SIGTERM end the client, not the session",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    let how = ["--detach", "work", "--", PROGRAM];
    for (const [signal, code] of [["SIGHUP", 129], ["SIGTERM", 143]] as const) {
      const child = server.command(how).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      for (let shown = ""; !shown.includes("ready");) shown += (await reader.read()).value;
      child.kill(signal);
      assert.equal((await child.status).code, code);
      await Promise.all([reader.cancel(), child.stdin.abort(), child.stderr.cancel()]);
      how = ["--attach", "work"];
    }
    await assertUntouched(server, "work");
  },
});
