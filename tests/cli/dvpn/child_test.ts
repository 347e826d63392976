import assert from "node:assert/strict";
import { runCommand } from "../../../cmd/dvpn/plan/run_command.ts";
import { checkUpScript, runUpScript } from "../../../cmd/dvpn/up_script.ts";

/** What a script does that cannot be asked to end. */
const STUBBORN = `trap '' TERM; exec sleep 10`;

Deno.test("dvpn child: a command that ignores SIGTERM is not waited for", async () => {
  await assert.rejects(runCommand(["sh", "-c", STUBBORN], 50), /sleep 10.*has not ended/);
});

Deno.test("dvpn child: what a command has started is not waited for", async () => {
  await assert.rejects(runCommand(["sh", "-c", "sleep 4 & exit 1"], 50), /has not ended/);
});

Deno.test("dvpn child: commands are found where the system's administrator has them", async () => {
  const check = 'case "$PATH" in *:/usr/local/sbin:/usr/sbin:/sbin) ;; *) exit 1;; esac';
  await runCommand(["sh", "-c", check]);
});

Deno.test("dvpn child: a script is a file, not a command of that name", async () => {
  const here = Deno.cwd(), directory = await Deno.makeTempDir();
  const peer = { device: "dvpn0", own: [], peer: [], remote: "192.0.2.1", isClient: true };
  Deno.chdir(directory);
  try {
    await Deno.writeTextFile("true", "#!/bin/sh\nexit 7\n", { mode: 0o755 });
    await checkUpScript("true");
    await assert.rejects(runUpScript("true", peer), /true failed with status 7/);
  } finally {
    Deno.chdir(here);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dvpn child: a script that ignores SIGTERM ends with the program", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const script = `${directory}/up`;
    // It tells by a pipe when it has come so far.
    await new Deno.Command("mkfifo", { args: [`${directory}/begun`] }).output();
    const text = `#!/bin/sh\ntrap '' TERM\necho > ${directory}/begun\nexec sleep 10\n`;
    await Deno.writeTextFile(script, text, { mode: 0o755 });
    const controller = new AbortController();
    const peer = { device: "dvpn0", own: [], peer: [], remote: "192.0.2.1", isClient: true };
    const run = assert.rejects(runUpScript(script, peer, controller.signal), /^Error: the end$/);
    await Deno.readTextFile(`${directory}/begun`);
    controller.abort(new Error("the end"));
    await run;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dvpn child: a script's failure is told", async () => {
  const peer = { device: "dvpn0", own: [], peer: [], remote: "192.0.2.1", isClient: true };
  await assert.rejects(runUpScript("/bin/false", peer), /false failed with status 1/);
  await runUpScript("/bin/true", peer);
  await assert.rejects(runUpScript("/none/x", peer), /: \/none\/x: /);
});
