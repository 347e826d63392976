/** crtmgr at a terminal, which `script` of Debian's bsdutils gives it. */
import assert from "node:assert/strict";
import { inFolder } from "../cli/crtmgr_process.ts";
import { Background, run } from "./command.ts";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { toolWords } from "../cli/tool_process.ts";

/** Starts `crtmgr` at a terminal of its own. */
async function atTerminal(folder: string, args: readonly string[], env: Record<string, string>) {
  return await inTerminal(folder, shellLine([...toolWords("crtmgr"), ...args]), env);
}

/** Starts a line of shell there. */
async function inTerminal(folder: string, command: string, env: Record<string, string>) {
  const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
  // `script` ends with the exit code of what it ran.
  return new Background(["script", "-qec", command, "/dev/null"], {
    env: { HOME: `${folder}/home`, DENO_DIR: denoDir, TERM: "xterm", ...env },
  });
}

const [BOLD, YELLOW, PLAIN] = ["1", "33", "0"].map((code) => `\x1b\\[${code}m`);

inFolder("at a terminal: colours, complaints, and a password that nobody sees", async (folder) => {
  await using wizard = await atTerminal(folder, ["-i"], { NO_COLOR: "" });
  await wizard.shows(new RegExp(`${BOLD}What is it to be\\?`));
  await wizard.type("something");
  await wizard.shows(new RegExp(`${YELLOW}please answer client or server${PLAIN}`));
  const answers: [RegExp, string][] = [
    [/please answer[^]*\[client\]: $/, "client"],
    [/sign this client's certificate\? \(yes or no\)\S* \[\w+\]: $/, "no"],
    [/Folder for keys[^]*: $/, `${folder}/dnc`],
    [/Set up ssh[^]*: $/, "no"],
    [/Name in[^]*: $/, "terminal"],
    [/DHT node[^]*: $/, ""],
    [/Relay[^]*: $/, "relay.example.org"],
    [/User on the relay[^]*: $/, "alice"],
    [/Password of alice[^]*: $/, "nobody sees this"],
  ];
  for (const [question, answer] of answers) {
    await wizard.shows(question);
    await wizard.type(answer);
  }
  await wizard.shows(/This device's id: [0-9a-f]{64}/);
  assert.equal((await wizard.status).code, 0);
  assert.doesNotMatch(wizard.stdout, /nobody sees this/);
  assert.equal(await Deno.readTextFile(`${folder}/dnc/turn-password`), "nobody sees this\n");
});

inFolder("at a terminal: NO_COLOR, and a passphrase twice", async (folder) => {
  const made = await new Deno.Command(toolWords("crtmgr")[0], {
    args: [...toolWords("crtmgr").slice(1), "-o", folder],
  }).output();
  assert.equal(made.code, 0);
  const encrypt = ["encrypt", `${folder}/ca.pem`];
  const env = { NO_COLOR: "1" };
  {
    await using differing = await atTerminal(folder, encrypt, env);
    await differing.shows(/New passphrase for .*: $/);
    await differing.type("one");
    await differing.shows(/Once more for .*: $/);
    await differing.type("two");
    assert.equal((await differing.status).code, 2);
    await differing.shows(/the two passphrases differ; nothing was changed/);
    assert.ok(!differing.stdout.includes("\x1b"));
  }
  {
    await using same = await atTerminal(folder, encrypt, env);
    for (const question of [/New passphrase/, /Once more/]) {
      await same.shows(question);
      await same.type("correct horse");
    }
    assert.equal((await same.status).code, 0);
    assert.doesNotMatch(same.stdout, /correct horse/);
  }
  await using shown = await atTerminal(folder, ["show", `${folder}/ca.pem`], env);
  await shown.shows(/Passphrase for .*: $/);
  await shown.type("correct horse");
  assert.equal((await shown.status).code, 0);
  await shown.shows(/encrypted {2}yes/);
});

inFolder("at a terminal: Ctrl-C at a question writes nothing", async (folder) => {
  await using wizard = await atTerminal(folder, ["-i"], {});
  await wizard.shows(/What is it to be/);
  await wizard.type(`server\n${folder}/server`);
  await wizard.shows(/Name in/);
  await wizard.type("\x03");
  assert.equal((await wizard.status).code, 130);
  await assert.rejects(Deno.stat(`${folder}/server`), Deno.errors.NotFound);
});

inFolder("at a terminal: a signal at a hidden question leaves the echo on", async (folder) => {
  const [program, ...words] = toolWords("crtmgr");
  await run(program, ...words, "-o", folder);
  const encrypt = shellLine([program, ...words, "encrypt", `${folder}/ca.pem`]);
  for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const) {
    const line = `sh -c 'echo "process $$"; exec ${encrypt}'; echo "code $?"; stty -a`;
    await using terminal = await inTerminal(folder, line, { NO_COLOR: "1" });
    const [, pid] = await terminal.shows(/process (\d+)/);
    await terminal.shows(/New passphrase for .*: $/);
    Deno.kill(Number(pid), signal);
    await terminal.shows(new RegExp(`code ${code}\\b`));
    await terminal.shows(/ icanon [^]* echo /);
    assert.equal((await terminal.status).code, 0);
  }
});
