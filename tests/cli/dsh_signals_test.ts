import assert from "node:assert/strict";
import { defaultSignals } from "../../cmd/dsh/server/launch.ts";
import { DshServer, eventually } from "./dsh_process.ts";

/** The runtime listens for SIGUSR1 half a second after its start, ms. */
const GRACE_MS = 1_000;

Deno.test({
  name: "dsh: SIGUSR1 opens no debugger at a client, and does not travel; SIGUSR2 does",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const script =
      "exec 2>/dev/null; trap 'echo one' USR1; trap 'echo two; exit 5' USR2; echo ready; " +
      "while :; do sleep 0.05; done";
    const since = performance.now();
    const child = server.command(["--", script]).spawn();
    const screen = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await screen.read()).value, "ready\n");
    await eventually("the runtime listens", () => performance.now() - since > GRACE_MS);
    child.kill("SIGUSR1");
    child.kill("SIGUSR2");
    assert.equal((await screen.read()).value, "two\n");
    assert.equal((await child.status).code, 5);
    assert.equal(await new Response(child.stderr).text(), "");
    await Promise.all([screen.cancel(), child.stdin.close()]);
  },
});

Deno.test({
  name: "dsh: a program that a real-time signal ends does not end the server",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    for (const mode of ["--tty", "--no-tty"]) {
      for (const number of [34, 64]) {
        assert.equal((await server.run([mode, "--", `kill -${number} $$`])).code, 128 + number);
      }
    }
    await server.shows(/ended by SIGRTMIN\+30\n/);
    assert.equal((await server.run(["--", "true"])).code, 0);
  },
});

Deno.test({
  name: "dsh: programs ignore no signal because their server does",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start([], { ignoring: "HUP INT QUIT USR1 USR2 TSTP" });
    for (const mode of ["--tty", "--no-tty"]) {
      const { stdout } = await server.run([mode, "--", "grep SigIgn /proc/self/status"]);
      const ignored = /SigIgn:\t([0-9a-f]{16})/.exec(stdout);
      // From 32 on they are of the C library, or nobody's.
      assert.equal(parseInt(ignored![1]!, 16) % 2 ** 31, 0, `${mode}: ${stdout}`);
    }
  },
});

Deno.test({
  name: "dsh: where env cannot reset signals, or is missing, programs start without that",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assert.deepEqual(defaultSignals("env"), ["env", "--default-signal"]);
    const directory = await Deno.makeTempDir();
    const env = `${directory}/env`;
    assert.deepEqual(defaultSignals(env), []);
    await Deno.writeTextFile(env, "#!/bin/sh\necho unrecognized option >&2\nexit 1\n", {
      mode: 0o755,
    });
    assert.deepEqual(defaultSignals(env), []);
    await Deno.remove(directory, { recursive: true });
  },
});
