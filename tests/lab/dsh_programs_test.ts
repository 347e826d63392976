/** What full-screen programs and terminals do besides: mouse keys, paste marks, wide characters. */
import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { run } from "./command.ts";
import { startDsh, Tmux } from "./dsh_site.ts";
import { labTest } from "./lab.ts";

labTest("dsh at a terminal: htop draws, follows the size, searches, and leaves", async (lab) => {
  const { client } = await startDsh(lab);
  await using tmux = await Tmux.open(lab);
  await tmux.type(`clear; ${shellLine(client)}; echo status=$?`, "Enter");
  await tmux.shows(/[#$]$/m);
  await tmux.type("PS1='there> '; clear; sleep 4711 & clear; htop", "Enter");
  await tmux.shows(/F1Help.*F10Quit/);
  await tmux.type("F4");
  await tmux.type("sleep 4711", "Enter");
  await tmux.shows(/\d+ root +\d+.* sleep 4711/);
  await tmux.resize(120, 40);
  await tmux.shows(new RegExp("^(.*\n){39}F1Help.*F10Quit"));
  await tmux.type("F10");
  await tmux.shows(/^there>$/m);
  assert.doesNotMatch(await tmux.screen(), /F10Quit/, "the screen before htop is there again");
  await tmux.type("kill %1; exit 3", "Enter");
  await tmux.shows(/^status=3$/m);
});

labTest("dsh at a terminal: what is pasted is marked, and is not run", async (lab) => {
  const { client } = await startDsh(lab);
  await using tmux = await Tmux.open(lab);
  await tmux.type(`clear; ${shellLine(client)} -- bash --norc; echo status=$?`, "Enter");
  await tmux.shows(/[#$]$/m);
  await tmux.type("PS1='there> '; clear; bind 'set enable-bracketed-paste on'", "Enter");
  await tmux.shows(/^there>$/m);
  // ~. after a new line is what somebody else has written here, too.
  await tmux.paste("echo first\n~. echo second\n");
  await tmux.shows(/echo first\n~\. echo second/);
  assert.doesNotMatch(await tmux.screen(), /^first$/m);
  await tmux.type("C-c", "exit 4", "Enter");
  await tmux.shows(/^status=4$/m);
});

labTest("dsh at a terminal: characters of any width, whole and in place", async (lab) => {
  const { client } = await startDsh(lab);
  await using tmux = await Tmux.open(lab);
  const shell = ["--env", "LC_ALL=C.UTF-8", "--", "bash --norc"];
  await tmux.type(`clear; ${shellLine([...client, ...shell])}; echo status=$?`, "Enter");
  await tmux.shows(/[#$]$/m);
  await tmux.type("PS1='there> '; clear", "Enter");
  await tmux.type("-l", "echo '漢字🐢é|'");
  await tmux.shows(/echo '漢字🐢é\|'/);
  // The line editor knows how wide they are: what is deleted is a character, and its cells.
  await tmux.type("BSpace", "BSpace", "BSpace", "BSpace", "!'", "Enter");
  await tmux.shows(/^漢字!$/m);
  const file = `${lab.directory}/wide`;
  await tmux.type("-l", `cat > ${file}`);
  await tmux.type("Enter");
  const text = "ﬁ Ωmega 漢字かな한글 👩‍👩‍👧 e\u0301";
  await tmux.type("-l", text);
  await tmux.type("Enter", "C-d");
  await tmux.type("clear; wc -c < " + file, "Enter");
  await tmux.shows(new RegExp(`^${new TextEncoder().encode(text).length + 1}$`, "m"));
  assert.equal(await Deno.readTextFile(file), `${text}\n`);
  assert.equal(await run("cat", file), `${text}\n`);
  await tmux.type("exit 0", "Enter");
  await tmux.shows(/^status=0$/m);
});
