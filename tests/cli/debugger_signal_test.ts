import assert from "node:assert/strict";
import { DncProcess } from "../../cmd/demo/dnc_process.ts";
import { toolCommand } from "./tool_process.ts";

const ignore = Deno.build.os !== "linux";
/** The runtime listens for SIGUSR1 half a second after its start, ms. */
const GRACE_MS = 1_000;
/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 30_000;
const graceOver = () => new Promise((resolve) => setTimeout(resolve, GRACE_MS));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test({
  name: "dnc -l: SIGUSR1 opens no debugger, and ends nothing",
  ignore,
  async fn() {
    await using server = await DncProcess.start("server", ["-l", "--interface", "lo"]);
    const id = await server.listening();
    await graceOver();
    server.kill("SIGUSR1");
    await using client = await DncProcess.start("client", [id, "--interface", "lo"]);
    const output = new Response(client.stdout).text();
    await Promise.all([client.stdin.close(), server.stdin.close(), server.stdout.cancel()]);
    assert.equal(await client.exitCode(), 0);
    assert.equal(await server.exitCode(), 0);
    assert.equal(await output, "");
    assert.doesNotMatch(server.log, /ebugger/);
  },
});

Deno.test({
  name: "crtmgr: may not ignore SIGUSR1, so it ends by it as other programs do, without a debugger",
  ignore,
  async fn() {
    const child = toolCommand("crtmgr", ["--interactive"], {
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).spawn();
    await graceOver();
    child.kill("SIGUSR1");
    const stderr = await new Response(child.stderr).text();
    assert.doesNotMatch(stderr, /ebugger/);
    assert.equal((await child.status).code, 138);
    await child.stdin.close();
  },
});

Deno.test({
  name: "programs that a tool starts ignore SIGUSR1 no more than others",
  ignore,
  async fn() {
    const module = new URL("../../cmd/tool/debugger_signal.ts", import.meta.url).href;
    const code = `import { keepDebuggerClosed } from "${module}";
      keepDebuggerClosed();
      await new Promise((resolve) => setTimeout(resolve, ${GRACE_MS}));
      Deno.kill(Deno.pid, "SIGUSR1");
      await new Deno.Command("grep", { args: ["SigIgn", "/proc/self/status"] }).spawn().status;`;
    const args = ["eval", "--ext=ts", code];
    const { success, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.ok(success);
    const ignored = parseInt(/SigIgn:\t([0-9a-f]{16})/.exec(text(stdout))![1]!, 16);
    assert.equal(ignored & (1 << 9), 0);
  },
});
