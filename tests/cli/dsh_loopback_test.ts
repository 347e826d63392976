import assert from "node:assert/strict";
import { DshServer, eventually, isRunning } from "./dsh_process.ts";

/** A test with a server of its own. */
function dshTest(
  name: string,
  test: (server: DshServer) => Promise<void>,
  args: readonly string[] = [],
  options: { stranger?: boolean } = {},
): void {
  Deno.test({
    name: `dsh over loopback: ${name}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using server = await DshServer.start(args, options);
      try {
        await test(server);
      } catch (error) {
        console.error(server.log);
        throw error;
      }
    },
  });
}

dshTest("streams are separate, input ends, the exit status is ours", async (server) => {
  const { run } = bound(server);
  assert.deepEqual(await run(["--", "echo out; echo err >&2; exit 7"]), {
    code: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  assert.deepEqual(await run(["--", "cat", ";", "echo end"], "input\n"), {
    code: 0,
    stdout: "input\nend\n",
    stderr: "",
  });
  assert.deepEqual(await run([], "echo from the shell; exit 3\n"), {
    code: 3,
    stdout: "from the shell\n",
    stderr: "",
  });
  assert.equal((await run(["--", "kill -TERM $$"])).code, 143);
  const unread = await run(["--", "exec true"], new Uint8Array(8 << 20));
  assert.equal(unread.code, 0, "input that nobody reads is no failure");
  await server.shows(/as "[^"]+", without a terminal: "kill -TERM \$\$", .*, ended by SIGTERM\n/);
});

dshTest("a command that no peer takes is wrong usage, an empty one is none", async (server) => {
  const { run } = bound(server);
  const refused: [string[], RegExp][] = [
    [
      ["--", "x".repeat(100_000)],
      /^dsh: a command has at most 32768 characters, not 100000: copy /,
    ],
    // Characters of three bytes each.
    [
      ["--", "\u20ac".repeat(30_000)],
      /^dsh: the command and its .* than 65536 bytes: copy a script/,
    ],
    [["--env", `A=${"x".repeat(5_000)}`, "--", "id"], /^dsh: A has no proper value/],
  ];
  for (const [args, reason] of refused) {
    const { code, stdout, stderr } = await run(args);
    assert.match(stderr, reason);
    assert.deepEqual([code, stdout], [2, ""]);
  }
  assert.doesNotMatch(server.log, /session of|protocol/);
  const longest = `echo ${"x".repeat(32_763)}`;
  assert.equal((await run(["--", longest])).stdout.length, 32_764);
  assert.equal((await run(["--", ""], "echo from the shell\n")).stdout, "from the shell\n");
});

dshTest("every byte passes both ways", async (server) => {
  const bytes = new Uint8Array(5_000_001).map((_, index) => index * index >> 5);
  const child = server.command(["--", "tee /dev/stderr"]).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(bytes);
  await writer.close();
  const { code, stdout, stderr } = await output;
  assert.equal(code, 0);
  assert.deepEqual([stdout.length, stderr.length], [bytes.length, bytes.length]);
  assert.ok(bytes.every((byte, index) => stdout[index] === byte && stderr[index] === byte));
});

dshTest("a terminal: asked for, with TERM and the end of input", async (server) => {
  const { code, stdout } = await server.run(
    ["--tty", "--", "stty size; tty; echo $TERM; cat"],
    "#",
  );
  assert.equal(code, 0);
  // The terminal echoes what is typed, be the program there yet or not.
  assert.match(stdout.replaceAll("#", ""), /^24 80\r\n\/dev\/pts\/\d+\r\n[\w.+-]+\r\n/);
});

dshTest("variables: locale by itself, others where both sides agree", async (server) => {
  const args = ["--env", "EDITOR=ed", "--env", "OTHER=1", "--env", "LANG=C.x", "--verbose"];
  const { stdout, stderr } = await server.run([...args, "--", "echo $EDITOR,$OTHER,$LANG"]);
  assert.equal(stdout, "ed,,C.x\n");
  assert.match(stderr, /the peer does not take OTHER/);
}, ["--accept-env", "EDIT*"]);

dshTest("signals travel, and their end comes back", async (server) => {
  const child = server.command([
    "--",
    "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done",
  ]).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "ready\n");
  child.kill("SIGTERM");
  assert.equal((await reader.read()).value, "got\n");
  assert.equal((await child.status).code, 9);
  const killed = server.command(["--", "echo ready; exec sleep 60"]).spawn();
  const output = killed.stdout.getReader();
  await output.read();
  killed.kill("SIGINT");
  assert.equal((await killed.status).code, 130);
  await Promise.all(
    [child, killed].flatMap(({ stdin, stderr }) => [stdin.close(), stderr.cancel()]),
  );
  await Promise.all([reader.cancel(), output.cancel()]);
});

dshTest("a client that is killed takes its program with it", async (server) => {
  for (const mode of ["--tty", "--no-tty"]) {
    const script = "echo $$; trap '' HUP; sleep 61 & echo $!; echo end; wait";
    const child = server.command([mode, "--", script]).spawn();
    let shown = "";
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!shown.includes("end")) shown += (await reader.read()).value;
    const pids = shown.split(/\s+/).slice(0, 2).map(Number);
    assert.ok(pids.every(isRunning));
    child.kill("SIGKILL");
    await child.status;
    await Promise.all(
      [child.stdin.abort(), child.stderr.cancel(), reader.cancel()].map((end) =>
        end.catch(() => {})
      ),
    );
    await eventually("nothing of it runs", () => !pids.some(isRunning));
  }
}, ["--transport", "tcp"]);

dshTest("what a program leaves behind is ended, and its end is not waited for", async (server) => {
  const { code, stdout } = await server.run(["--", "sleep 62 & echo $!; exit 4"]);
  assert.equal(code, 4);
  await eventually("it is gone", () => !isRunning(Number(stdout)));
  const escaped = await server.run(["--", "setsid sleep 5 & echo $!"]);
  assert.equal(escaped.code, 0, "a session of its own may hold the pipe for ever");
});

dshTest("nobody reads our output any more", async (server) => {
  const child = server.command(["--", "yes"]).spawn();
  await child.stdin.close();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal((await child.status).code, 141);
  assert.equal(await new Response(child.stderr).text(), "");
  await server.shows(/"yes", .*, (ended by SIG(HUP|PIPE)|exit 1)\n/);
});

dshTest("the server ends: clients learn why, programs end", async (server) => {
  const child = server.command(["--", "echo $$; exec sleep 63"]).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const pid = Number((await reader.read()).value);
  assert.equal(await server.stop("SIGTERM"), 143);
  assert.equal((await child.status).code, 255);
  assert.match(await new Response(child.stderr).text(), /^dsh: .*the peer is shutting down\n$/);
  assert.ok(!isRunning(pid));
  await reader.cancel();
  await child.stdin.close();
});

dshTest("the server is killed: exit code 255, and its programs end", async (server) => {
  const child = server.command(["--", "echo $$; exec sleep 64"]).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const pid = Number((await reader.read()).value);
  await server.stop("SIGKILL");
  await eventually("its program is gone", () => !isRunning(pid));
  assert.equal((await child.status).code, 255);
  assert.match(await new Response(child.stderr).text(), /^dsh: .*\n$/);
  await reader.cancel();
  await child.stdin.close();
}, ["--transport", "tcp"]);

dshTest(
  "who is not known is refused with the reason",
  async (server) => {
    const { code, stdout, stderr } = await server.run(["--", "id"]);
    assert.deepEqual([code, stdout], [255, ""]);
    assert.match(stderr, /^dsh: .*not signed by an authority that is trusted here\n$/);
    assert.match(server.log, /refused [0-9a-f]{64}: /);
  },
  [],
  { stranger: true },
);

dshTest("a list of commands: exactly these", async (server) => {
  const { run } = bound(server);
  assert.deepEqual(await run(["--", "echo", "a", "b"]), { code: 0, stdout: "a b\n", stderr: "" });
  for (const words of [["--", "echo a b; id"], ["--", "id"], ["-s", "id"], []]) {
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stdout], [255, ""], words.join(" "));
    assert.match(stderr, /^dsh: the peer refused: .*\n$/);
  }
  assert.match(server.log, /"id", .*refused: .*is not a command that this peer allows/);
}, ["--allow-command", "echo a b"]);

dshTest("a binary, and a forced command", async (server) => {
  assert.equal((await server.run([], "input")).stdout, "input");
  assert.equal((await server.run(["-s", "cat"], "input")).stdout, "input");
  assert.equal((await server.run(["-s", "bash"])).code, 255);
  await using forced = await DshServer.start(["--forced-command", "echo $DSH_ORIGINAL_COMMAND"]);
  assert.equal((await forced.run(["--", "rm", "-r", "/"])).stdout, "rm -r /\n");
}, ["-s", "/bin/cat"]);

dshTest("a peer by the name that the user has for it", async (server) => {
  const path = `${server.clientDirectory}/peers.yaml`;
  await Deno.writeTextFile(path, `home: ${server.id}\n`);
  const named = await server.run(["--", "echo $DSH_PEER"], "", "home");
  assert.match(named.stdout, /^[0-9a-f]{64}\n$/);
  const unknown = await server.run(["--", "id"], "", "hone");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /did you mean home\?/);
});

dshTest("limits: sessions at once, and silence", async (server) => {
  const child = server.command(["--", "echo ready; exec sleep 65"]).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const second = await server.run(["--", "id"]);
  assert.equal(second.code, 255);
  assert.match(second.stderr, /too many sessions/);
  assert.equal((await child.status).code, 255);
  assert.match(await new Response(child.stderr).text(), /nothing was said for too long/);
  await reader.cancel();
  await child.stdin.close();
}, ["--max-sessions", "1", "--idle-timeout", "3s"]);

function bound(server: DshServer): Pick<DshServer, "run"> {
  return { run: (args, input) => server.run(args, input) };
}
