import assert from "node:assert/strict";
import { defaultSignals } from "../../cmd/dsh/server/launch.ts";
import { DshServer } from "./dsh_process.ts";

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
