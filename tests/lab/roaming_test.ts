/** A machine that moves to another network while its connection is in use. */
import assert from "node:assert/strict";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { Call, dncNetwork } from "./nat/call.ts";
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { transfer } from "./nat/transfer.ts";
import { startSshd } from "./sshd.ts";

const MIB = 1024 * 1024;
/** Longest silence that a move may cause. */
const GAP_MS = 20_000;
const SSH_PORT = 2222;
const SSH_LINES = 60;
const MOVE_AT_LINE = 15;
const TIMEOUT_MS = 60_000;

const wan = { turn: true, delayMs: 5 };

const MOVES = [
  ["dialler", "a", 4 * MIB],
  ["dialler", "a", 12 * MIB],
  ["listener", "b", 4 * MIB],
  ["listener", "b", 12 * MIB],
] as const;

for (const [mover, site, afterBytes] of MOVES) {
  natLabTest(
    `the ${mover} moves to another network after ${afterBytes / MIB} of 48 MiB`,
    { sites: [{ name: "a", nat: "moderate" }, { name: "b", nat: "moderate" }], wan },
    async (lab) => {
      const call = await Call.start(lab, lab.site("a"), lab.site("b"));
      const { longestGapMs } = await transfer(call, {
        bytes: 48 * MIB,
        bytesPerSecond: 6 * MIB,
        disturbance: { afterBytes, happen: () => lab.moveSite(site) },
      });
      console.log(`the ${mover} moved: ${longestGapMs.toFixed(0)} ms without a byte`);
      assert.ok(longestGapMs < GAP_MS, `${longestGapMs} ms`);
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

natLabTest(
  "the client moves to another network in the middle of an ssh session",
  { sites: [{ name: "a", nat: "moderate" }, { name: "b", nat: "moderate" }], wan },
  async (lab) => {
    const client = lab.site("a"), server = lab.site("b");
    const ssh = await startSshd(server, SSH_PORT);
    const network = dncNetwork(lab, server);
    const serving = await server.dnc(
      ["-l", "--allow", `127.0.0.1:${SSH_PORT}`, ...network.args],
      { ...await server.environment(), ...network.env },
    );
    const id = await serving.listening();
    const { args, env } = dncNetwork(lab, client);
    const proxy = shellLine(client.dncCommand(id, "-P", String(SSH_PORT), ...args));
    const count = `for i in $(seq ${SSH_LINES}); do echo $i; sleep 0.1; done`;
    const session = new Deno.Command(ssh[0]!, {
      args: [...ssh.slice(1), "-o", `ProxyCommand=${proxy}`, "root@x", count],
      clearEnv: true,
      env: { ...await client.environment(), ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const said = new Response(session.stderr).text();
    let text = "", lastMs = performance.now(), longestGapMs = 0;
    let moved: Promise<void> | undefined;
    for await (const part of session.stdout.pipeThrough(new TextDecoderStream())) {
      const now = performance.now();
      if (text !== "") longestGapMs = Math.max(longestGapMs, now - lastMs);
      lastMs = now;
      text += part;
      if (text.includes(`\n${MOVE_AT_LINE}\n`)) moved ??= lab.moveSite("a");
    }
    assert.equal((await session.status).code, 0, await said);
    await moved;
    const lines = Array.from({ length: SSH_LINES }, (_, index) => `${index + 1}\n`);
    assert.equal(text, lines.join(""));
    console.log(`ssh moved: ${longestGapMs.toFixed(0)} ms without a line`);
    assert.ok(longestGapMs < GAP_MS, `${longestGapMs} ms`);
  },
  { timeoutMs: TIMEOUT_MS },
);
