import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SSH_CIPHERS } from "../../cmd/crtmgr/wizard/ssh_block.ts";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { builtFiles } from "./built.ts";
import { run } from "./command.ts";
import { DncProcess } from "./dnc_process.ts";
import { type Lab, labTest } from "./lab.ts";
import { startSshd } from "./sshd.ts";

const NODE = "127.0.0.1:4001";
const JOIN = ["--no-discovery", "--interface", "lo", "-b", NODE];
const SSH_PORT = 2222;
const SOCAT_PORT = 5001;
const BARE_PORT = 5002;
const BARE_RELAY = fileURLToPath(new URL("./bare_relay.ts", import.meta.url));
const BYTES = 512 * 1024 * 1024;
const RUNS = 3;

labTest(
  "scp of 512 MiB through dnc, beside scp without it and through other programs",
  async (lab) => {
    const dnc = `${await builtFiles()}/tools/dnc`;
    await lab.dhtnode(4001);
    const [, ...sshOptions] = await startSshd(lab, SSH_PORT);
    await using server = new DncProcess({
      command: lab.namespace.inside(dnc, "-l", "--allow", `127.0.0.1:${SSH_PORT}`, ...JOIN),
      env: await lab.dncEnvironment(),
    });
    const id = await server.listening();
    const env = await lab.dncEnvironment();
    const source = `${lab.directory}/source`;
    await run("sh", "-c", `head -c ${BYTES} /dev/urandom > ${source}`);

    const through = (...proxy: string[]) => ["-o", `ProxyCommand=${shellLine(proxy)}`];
    const direct = ["-P", String(SSH_PORT)];
    const dncProxy = through(dnc, id, ...direct, ...JOIN);
    // As the block has it that `crtmgr --interactive` writes.
    const ciphers = ["-o", `Ciphers=${SSH_CIPHERS}`];
    const ways = {
      plain: direct,
      "plain, AES": [...direct, ...ciphers],
      "through dnc, AES": [...dncProxy, ...ciphers],
      "through dnc": dncProxy,
      // What the shape alone costs: two more processes, in Deno and in C, the latter with TLS.
      "through bare Deno relays, AES": [...through(...await bareRelays(lab)), ...ciphers],
      "through socat with TLS, AES": [...through(...await socatWithTls(lab)), ...ciphers],
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
  },
  240_000,
);

/** Starts the server of a relay that only copies; the command that calls it. */
async function bareRelays(lab: Lab): Promise<string[]> {
  const relay = [Deno.execPath(), "run", "-A", "--cached-only", BARE_RELAY];
  await run(Deno.execPath(), "cache", BARE_RELAY);
  const server = lab.background(...relay, "serve", String(BARE_PORT), String(SSH_PORT));
  await server.shows(/ready/);
  return [...relay, "call", String(BARE_PORT)];
}

/** Starts a server of TLS in front of sshd; the command that calls it. */
async function socatWithTls(lab: Lab): Promise<string[]> {
  const [key, certificate] = [`${lab.directory}/tls.key`, `${lab.directory}/tls.crt`];
  await run(
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=lab"],
    ...["-keyout", key, "-out", certificate],
  );
  const block = ["socat", "-d", "-d", "-b", "65536"];
  const server = lab.background(
    ...block,
    `OPENSSL-LISTEN:${SOCAT_PORT},bind=127.0.0.1,fork,key=${key},cert=${certificate},verify=0`,
    `TCP:127.0.0.1:${SSH_PORT},nodelay`,
  );
  await server.shows(/listening on/);
  return ["socat", "-b", "65536", "-", `OPENSSL:127.0.0.1:${SOCAT_PORT},verify=0`];
}

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
