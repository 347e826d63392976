import assert from "node:assert/strict";
import { DshServer } from "./dsh_process.ts";

Deno.test({
  name: "dsh -l reads its configuration again at SIGHUP: sessions go on, a mistake changes nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    const configure = (text: string) => Deno.writeTextFile(file, `${text}\n`);
    await configure(`allowed_commands: [cat, "echo one"]`);
    await using server = await DshServer.start(["-d", file]);
    const child = server.command(["--", "cat"]).spawn();
    const keyboard = child.stdin.getWriter();
    const screen = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const echoed = async (text: string) => {
      await keyboard.write(new TextEncoder().encode(text));
      assert.equal((await screen.read()).value, text);
    };
    await echoed("before\n");

    await configure(`allowed_commands: ["echo two"]\nbootstrap: ["127.0.0.1:9"]`);
    server.kill("SIGHUP");
    await server.shows(/configuration read again\n.*a change of --bootstrap counts from the next/);
    const refused = await server.run(["--", "echo one"]);
    assert.equal(refused.code, 255);
    assert.match(refused.stderr, /not a command that this peer allows/);
    assert.equal((await server.run(["--", "echo two"])).stdout, "two\n");
    await echoed("after\n");

    await configure(`allowed_commands: ["echo three"]\nusers: [there-is-no-such-user]`);
    server.kill("SIGHUP");
    await server.shows(/the former configuration stays: .*there is no user/);
    assert.equal((await server.run(["--", "echo two"])).stdout, "two\n");
    assert.equal((await server.run(["--", "echo three"])).code, 255);

    await configure(`forced_command: "echo forced"\nban: ["${server.clientId}"]`);
    server.kill("SIGHUP");
    await server.shows(/(configuration read again[^]*){2}/);
    assert.match((await server.run(["--", "echo two"])).stderr, /banned/);
    await echoed("still\n");
    await keyboard.close();
    assert.equal((await child.status).code, 0);
    await screen.cancel();
    await child.stderr.cancel();
    assert.equal(await server.stop("SIGTERM"), 143);
    await Deno.remove(file);
  },
});

Deno.test({
  name: "dsh -l: a list whose last entry is taken out allows nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, 'allowed_commands: ["echo one"]\n');
    await using server = await DshServer.start(["-d", file]);
    assert.equal((await server.run(["--", "echo one"])).stdout, "one\n");
    const refusals: [string, RegExp][] = [
      ["allowed_commands: []\n", /"echo one" is not a command that this peer allows/],
      ["users: []\n", /this peer has no user for you/],
    ];
    for (const [index, [text, reason]] of refusals.entries()) {
      await Deno.writeTextFile(file, text);
      server.kill("SIGHUP");
      await server.shows(new RegExp(`(configuration read again[^]*){${index + 1}}`));
      const refused = await server.run(["--", "echo one"]);
      assert.deepEqual([refused.code, refused.stdout], [255, ""]);
      assert.match(refused.stderr, reason);
    }
    await Deno.remove(file);
  },
});

Deno.test({
  name: "dsh -l --quiet: who did what is logged, and who was refused; nothing else is",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const root = await Deno.makeTempDir();
    await using server = await DshServer.start(["--quiet", "--files", root]);
    assert.equal((await server.run(["--", "true"])).code, 0);
    await server.shows(/session of .* without a terminal: "true", .*, exit 0\n/);
    assert.equal((await server.run(["--get", "nothing", root])).code, 255);
    await server.shows(/transfer of .* get "nothing", .*, incomplete: /);
    assert.doesNotMatch(server.log, /listening/);
    await Deno.remove(root);
  },
});

Deno.test({
  name: "dsh -l without a configuration file ends in order at SIGHUP, as with its terminal",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start();
    const child = server.command(["--", "cat"]).spawn();
    await child.stdin.getWriter().write(new TextEncoder().encode("x"));
    await child.stdout.getReader({ mode: "byob" }).read(new Uint8Array(1));
    assert.equal(await server.stop("SIGHUP"), 129);
    assert.equal((await child.status).code, 255);
    assert.match(server.log, /session of .* "cat", /);
    await child.stderr.cancel();
  },
});

Deno.test({
  name: "dsh -l --quiet: a stranger is refused, and that is logged",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await DshServer.start(["--quiet"], { stranger: true });
    assert.equal((await server.run(["--", "true"])).code, 255);
    await server.shows(/warning: refused [0-9a-f]{64}: /);
  },
});
