import assert from "node:assert/strict";
import {
  hasSshBlock,
  installSshBlock,
  sshBlock,
  withSshBlock,
} from "../../cmd/crtmgr/wizard/ssh_block.ts";
import { inFolder, modeOf } from "./crtmgr_process.ts";

const BLOCK = sshBlock("dnc -d /home/me/.dnc/config.yml");

Deno.test("ssh block: percent signs are not ssh's, blanks are the shell's", () => {
  assert.match(sshBlock("dnc -d '/a b/100%.yml'"), /ProxyCommand dnc -d '\/a b\/100%%\.yml' "\$\(/);
});

Deno.test("ssh block: comes before other hosts and after what is meant for all", () => {
  const text = "ServerAliveInterval 9\n\n# at work\nHost *\n  ProxyCommand false\n";
  const edited = withSshBlock(text, BLOCK);
  assert.equal(edited.replace(`${BLOCK}\n`, "").replace(BLOCK, ""), text);
  const order = ["ServerAlive", "Host dnc/*", "# at work", "Host *"].map((part) =>
    edited.indexOf(part)
  );
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  assert.ok(!order.includes(-1));
});

Deno.test("ssh block: at the end of a file without hosts, with or without a last newline", () => {
  assert.equal(withSshBlock("", BLOCK), BLOCK);
  assert.equal(withSshBlock("Compression no\n", BLOCK), `Compression no\n\n${BLOCK}`);
  assert.equal(withSshBlock("Compression no", BLOCK), `Compression no\n\n${BLOCK}`);
});

Deno.test("ssh block: an existing one is seen, however it is written", () => {
  for (
    const line of ["Host dnc", "host  dnc/*", "  Host a dnc/* b", "Host=dnc/*", 'HOST "dnc/*"']
  ) {
    assert.ok(hasSshBlock(`a\n${line}\n`), line);
  }
  for (
    const line of ["Host dncx", "# Host dnc/*", "HostName dnc/x", "Match host dnc/*", "Host a"]
  ) {
    assert.ok(!hasSshBlock(line), line);
  }
});

inFolder("an ssh configuration elsewhere is changed there, under its mode", async (folder) => {
  await Deno.mkdir(`${folder}/home/.ssh`, { recursive: true });
  await Deno.writeTextFile(`${folder}/real`, "Host a\n", { mode: 0o640 });
  await Deno.symlink(`${folder}/real`, `${folder}/home/.ssh/config`);
  assert.equal(await installSshBlock(`${folder}/home`, BLOCK), true);
  assert.ok((await Deno.lstat(`${folder}/home/.ssh/config`)).isSymlink);
  const text = await Deno.readTextFile(`${folder}/real`);
  assert.ok(text.includes(BLOCK) && text.endsWith("Host a\n"));
  assert.equal(await modeOf(`${folder}/real`), "0640");
  assert.equal(await installSshBlock(`${folder}/home`, BLOCK), false);
  assert.equal(await Deno.readTextFile(`${folder}/real`), text);
});
