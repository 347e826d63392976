import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { eventually } from "./command.ts";
import { startDsh, Tmux } from "./dsh_site.ts";
import { labTest } from "./lab.ts";

/** Nobody types on within the same moment: not after Ctrl-C, and not after a change of size. */
function asPeopleDo(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}

labTest(
  "dsh at a terminal: size, editor, Ctrl-C, Ctrl-Z, exit status, and all is as before",
  async (lab) => {
    const { server, client } = await startDsh(lab);
    const file = `${lab.directory}/edited`;
    await using tmux = await Tmux.open(lab);
    await tmux.type(`cd ${lab.directory}; clear; stty -a | grep -v speed > before`, "Enter");
    await tmux.type(`${shellLine(client)}; echo status=$?`, "Enter");
    await tmux.shows(/[#$]$/m);
    await tmux.type("PS1='there> '; stty size; echo $TERM", "Enter");
    await tmux.shows(/^24 80\n(tmux|screen)/m);
    await tmux.resize(100, 30);
    await asPeopleDo();
    await tmux.type("clear; stty size", "Enter");
    await tmux.shows(/^30 100$/m);
    await tmux.resize(80, 24);

    await tmux.type("clear; sleep 100", "Enter");
    await asPeopleDo();
    await tmux.type("C-c");
    await tmux.type("echo after=$?", "Enter");
    await tmux.shows(/^after=130$/m);
    await tmux.type("clear; sleep 101", "Enter");
    await asPeopleDo();
    await tmux.type("C-z");
    await tmux.shows(/Stopped +sleep 101/);
    await tmux.type("clear; fg", "Enter");
    await tmux.shows(/^sleep 101$/m);
    await asPeopleDo();
    await tmux.type("C-c");

    await tmux.type(`clear; vim -u NONE -N ${file}`, "Enter");
    await tmux.shows(/^~$/m);
    await tmux.type("i", "Grüße, 世界", "Escape", ":wq", "Enter");
    await tmux.shows(/^there>$/m);
    assert.equal(await Deno.readTextFile(file), "Grüße, 世界\n");

    await tmux.type("clear; exit 7", "Enter");
    await tmux.shows(/^status=7$/m);
    await tmux.type(
      "clear; stty -a | grep -v speed > after; cmp before after && echo same",
      "Enter",
    );
    await tmux.shows(/^same$/m);
    await server.shows(/at a terminal: "login shell", .*, exit 7\n/);
  },
);

labTest(
  "dsh at a terminal: escapes, and a terminal that is given back when the server dies",
  async (lab) => {
    const { server, client } = await startDsh(lab, "--transport", "tcp");
    await using tmux = await Tmux.open(lab);
    const dsh = `${shellLine(client)} --transport tcp; echo status=$?`;
    await tmux.type(`cd ${lab.directory}; stty -a | grep -v speed > before; clear`, "Enter");
    await tmux.type(dsh, "Enter");
    await tmux.shows(/[#$]$/m);
    await tmux.type("clear", "Enter");
    await asPeopleDo();
    await tmux.type("~?");
    await tmux.shows(/~\. +disconnect/);
    await tmux.type("Enter", "~.");
    await tmux.shows(/dsh: disconnected\n+status=255/);
    await tmux.type(`clear; ${dsh}`, "Enter");
    await tmux.shows(/[#$]$/m);
    await tmux.type("clear; vim -u NONE -N x", "Enter");
    await tmux.shows(/^~$/m);
    server.kill("SIGKILL");
    await tmux.shows(/^status=255$/m);
    await tmux.type(
      "clear; stty -a | grep -v speed > after; cmp before after && echo same",
      "Enter",
    );
    await tmux.shows(/^same$/m);
  },
  60_000,
);

labTest("dsh --detach and --attach: a session that waits, for its own peer", async (lab) => {
  const { server, client } = await startDsh(lab, "--keep-sessions", "2s");
  await using tmux = await Tmux.open(lab);
  const dsh = shellLine(client);
  await tmux.type(`clear; ${dsh} --detach work; echo status=$?`, "Enter");
  await tmux.shows(/[#$]$/m);
  await tmux.type("clear; echo pid=$$", "Enter");
  const [, pid] = await tmux.shows(/^pid=(\d+)$/m);
  await tmux.type("~d");
  await tmux.shows(/^status=0$/m);
  await tmux.type(`clear; ${dsh} --attach work; echo status=$?`, "Enter");
  await tmux.shows(/^pid=\d+$/m);
  await tmux.type("Enter", "clear; echo again=$$", "Enter");
  assert.equal((await tmux.shows(/^again=(\d+)$/m))[1], pid);
  await tmux.type("Enter", "~d");
  await tmux.shows(/^status=0$/m);
  await server.shows(/at a terminal: "login shell", .*ended by SIGHUP\n/);
  await tmux.type(`clear; ${dsh} --attach work; echo status=$?`, "Enter");
  await tmux.shows(/no session "work" of yours here\n+status=255/);
  await eventually("its shell is gone", () => {
    try {
      Deno.statSync(`/proc/${pid}`);
      return false;
    } catch {
      return true;
    }
  });
}, 60_000);
