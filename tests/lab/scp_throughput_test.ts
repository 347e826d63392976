import assert from "node:assert/strict";
import { SSH_CIPHERS } from "../../cmd/crtmgr/wizard/ssh_block.ts";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { run } from "./command.ts";
import { type Lab, labTest } from "./lab.ts";
import { startSshd } from "./sshd.ts";

const NODE = "127.0.0.1:4001";
const JOIN = ["--no-discovery", "-b", NODE];
const SSH_PORT = 2222;
const BYTES = 512 * 1024 * 1024;
const RUNS = 3;

labTest("scp of 512 MiB through dnc, beside scp without it", async (lab) => {
  await lab.dhtnode(4001);
  const [, ...sshOptions] = await startSshd(lab, SSH_PORT);
  const server = await lab.dnc(["-l", "--allow", `127.0.0.1:${SSH_PORT}`, ...JOIN]);
  const id = await server.listening();
  const env = await lab.dncEnvironment();
  const proxy = shellLine(lab.dncCommand(id, "-P", String(SSH_PORT), ...JOIN));
  const source = `${lab.directory}/source`;
  await run("sh", "-c", `head -c ${BYTES} /dev/urandom > ${source}`);

  const ciphers = ["-o", `Ciphers=${SSH_CIPHERS}`];
  const ways = {
    plain: ["-P", String(SSH_PORT)],
    "plain, AES": ["-P", String(SSH_PORT), ...ciphers],
    // As the block does that `crtmgr --interactive` writes.
    "through dnc, AES": ["-o", `ProxyCommand=${proxy}`, ...ciphers],
    "through dnc": ["-o", `ProxyCommand=${proxy}`],
  };
  const best: Record<string, number> = {};
  for (let count = 0; count < RUNS; count++) {
    // By turns, because the machine is not always as fast.
    for (const [way, options] of Object.entries(ways)) {
      // To nowhere: the disk is not what is asked about.
      const scp = ["scp", "-q", ...sshOptions, ...options, source, "root@127.0.0.1:/dev/null"];
      best[way] = Math.min(best[way] ?? Infinity, await timed(lab, scp, env));
    }
  }
  for (const [way, time] of Object.entries(best)) {
    const rate = (BYTES / 1e6 / (time / 1000)).toFixed(0);
    console.log(`scp ${way}: ${rate} MB/s, ${(best["plain"]! / time).toFixed(2)} x plain`);
  }
}, 180_000);

/** Runs a command to its end inside the lab; how long it took, ms. */
async function timed(
  lab: Lab,
  command: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const [program, ...args] = lab.namespace.inside(...command);
  const begin = performance.now();
  const { code, stderr } = await new Deno.Command(program!, { args, clearEnv: true, env }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return performance.now() - begin;
}
