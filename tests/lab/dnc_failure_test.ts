import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { DncProcess } from "./dnc_process.ts";
import { type Lab, labTest } from "./lab.ts";
import { pseudoRandom } from "./pseudo_random.ts";

/** Longest time from the cause of a failure to the end of the process that meets it, ms. */
const PROMPT_MS = 5_000;
const NODE = "127.0.0.1:4001";
const JOIN = ["--no-discovery", "-b", NODE];
/** A transfer is under way when that much has arrived. */
const MID_TRANSFER_BYTES = 4 * 1024 * 1024;
const TRANSPORTS = ["tcp", "quic"] as const;

/** That a process says this one thing and nothing else, gives no payload, and exits so. */
async function fails(
  dnc: DncProcess,
  { code, says, withinMs = PROMPT_MS }: { code: number; says: RegExp; withinMs?: number },
): Promise<void> {
  assert.equal(await dnc.finish(), "");
  const exit = await dnc.exit(withinMs);
  assert.equal(exit.code, code, dnc.log);
  assert.match(dnc.log, says);
  assert.equal(dnc.log.trimEnd().split("\n").length, 1, dnc.log);
}

/** An id that is sound and that nobody answers to. */
async function strangerId(lab: Lab): Promise<string> {
  const dnc = await lab.dnc(["--id"]);
  return (await dnc.finish()).trim();
}

labTest("an id that nobody has, in a live DHT: says so when the time is over", async (lab) => {
  await lab.dhtnode(4001);
  const id = await strangerId(lab);
  const dnc = await lab.dnc([id, ...JOIN, "--timeout", "2s"]);
  const begin = performance.now();
  await fails(dnc, { code: 1, says: new RegExp(`^dnc: no answer from ${id}: it is offline`) });
  assert.ok(performance.now() - begin >= 1_900, "--timeout is respected");
  await lab.nothingLeft();
});

labTest("a dead bootstrap node: named, within the time-out and by default", async (lab) => {
  const id = await strangerId(lab);
  const dead = ["--no-discovery", "-b", "127.0.0.1:9"];
  const says = /^dnc: no DHT node could be reached: 127\.0\.0\.1:9 did not answer/;
  await Promise.all([
    fails(await lab.dnc([id, ...dead, "--timeout", "1s"]), { code: 1, says }),
    fails(await lab.dnc([id, ...dead]), { code: 1, says, withinMs: 12_000 }),
  ]);
  await lab.nothingLeft();
});

labTest("a target that is refused: exit 3; one that does not listen: exit 1", async (lab) => {
  await lab.dhtnode(4001);
  const server = await lab.dnc(["-l", "--allow", "127.0.0.1:7777", ...JOIN]);
  const id = await server.listening();
  const refused = /^dnc: .*127\.0\.0\.1:22 is not a target that this peer allows$/m;
  await fails(await lab.dnc([id, "-P", "22", ...JOIN]), { code: 3, says: refused });
  const streams = /^dnc: .*this peer serves targets only/;
  await fails(await lab.dnc([id, ...JOIN]), { code: 3, says: streams });
  const absent = /^dnc: .*connection refused by target 127\.0\.0\.1:7777$/m;
  await fails(await lab.dnc([id, "-P", "7777", ...JOIN]), { code: 1, says: absent });
  server.kill("SIGTERM");
  assert.equal(await server.stdout.cancel(), undefined);
  assert.equal((await server.exit(PROMPT_MS)).code, 143);
  await lab.nothingLeft();
});

/** Both directions of a transfer without end, under way. */
async function endlessTransfer(
  lab: Lab,
  transport: string,
): Promise<{ listener: DncProcess; dialler: DncProcess; ends: Promise<unknown> }> {
  await lab.dhtnode(4001);
  const options = [...JOIN, "--transport", transport];
  const listener = await lab.dnc(["-l", ...options]);
  const dialler = await lab.dnc([await listener.listening(), ...options]);
  pour(listener, 1);
  pour(dialler, 2);
  const flows = [takePayload(dialler, 1), takePayload(listener, 2)];
  await Promise.all(flows.map(({ flowing }) => flowing));
  return { listener, dialler, ends: Promise.all(flows.map(({ end }) => end)) };
}

/** Feeds standard input until nobody takes it any more. */
async function pour(dnc: DncProcess, seed: number): Promise<void> {
  const writer = dnc.stdin.getWriter();
  try {
    for (const chunk of pseudoRandom(1e12, seed)) await writer.write(chunk);
  } catch {
    // the process has ended
  }
}

/** Reads standard output to its end; fails where it is not the beginning of what was poured. */
function takePayload(
  dnc: DncProcess,
  seed: number,
): { flowing: Promise<void>; end: Promise<void> } {
  const flowing = Promise.withResolvers<void>();
  const take = async () => {
    let expected = new Uint8Array();
    const more = pseudoRandom(1e12, seed);
    let total = 0;
    for await (const chunk of dnc.stdout) {
      for (let at = 0; at < chunk.length;) {
        if (expected.length === 0) expected = more.next().value!;
        const count = Math.min(expected.length, chunk.length - at);
        const same = Buffer.compare(chunk.subarray(at, at + count), expected.subarray(0, count));
        assert.equal(same, 0, `not the payload at byte ${total + at}`);
        expected = expected.subarray(count);
        at += count;
      }
      total += chunk.length;
      if (total >= MID_TRANSFER_BYTES) flowing.resolve();
    }
    flowing.reject(new Error(`the transfer ended after ${total} bytes`));
  };
  flowing.promise.catch(() => {});
  return { flowing: flowing.promise, end: take() };
}

/**
 * Longest time until the survivor has given a killed peer up, ms. Over TCP the peer's system tells;
 * over QUIC it is silence that does, and then the session's patience for a peer that has moved: the
 * dialler asks for it by the DHT, the listener can only wait.
 */
const GIVEN_UP_MS = {
  tcp: { listener: 8_000, dialler: 10_000 },
  quic: { listener: 30_000, dialler: 80_000 },
};

for (const transport of TRANSPORTS) {
  for (const victim of ["listener", "dialler"] as const) {
    const limit = GIVEN_UP_MS[transport][victim];
    labTest(
      `SIGKILL to the ${victim} in mid-transfer over ${transport}: the other ends`,
      async (lab) => {
        const { ends, ...both } = await endlessTransfer(lab, transport);
        const other = victim === "listener" ? both.dialler : both.listener;
        both[victim].kill("SIGKILL");
        const { code, afterMs } = await other.exit(limit);
        console.log(
          `${transport}: ended ${(afterMs / 1000).toFixed(1)} s after the peer was killed`,
        );
        assert.equal(code, 1);
        assert.match(other.log, /^dnc: (the connection is lost: .*|no new path within .*)\n$/m);
        assert.doesNotMatch(other.log, /unexpected|\n {4}at /);
        await ends;
        await lab.nothingLeft();
      },
      limit + 20_000,
    );

    for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      labTest(`${signal} to the ${victim} in mid-transfer over ${transport}`, async (lab) => {
        const { ends, ...both } = await endlessTransfer(lab, transport);
        const other = victim === "listener" ? both.dialler : both.listener;
        both[victim].kill(signal);
        const [interrupted, informed] = await Promise.all([
          both[victim].exit(PROMPT_MS),
          other.exit(PROMPT_MS),
        ]);
        assert.deepEqual([interrupted.code, informed.code], [expected, 1], lab.log);
        assert.match(other.log, /^dnc: the peer aborted the connection\n$/m);
        assert.doesNotMatch(lab.log, /unexpected|\n {4}at /);
        await ends;
        await lab.nothingLeft();
      });
    }
  }

  labTest(
    `a full disk on standard output over ${transport}: named, and the peer told`,
    async (lab) => {
      await lab.dhtnode(4001);
      const options = [...JOIN, "--transport", transport];
      const listener = await lab.dnc(["-l", ...options]);
      const id = await listener.listening();
      const dialler = await lab.dnc([id, ...options], { stdoutFile: "/dev/full" });
      pour(listener, 1);
      const exits = await Promise.all([dialler.exit(PROMPT_MS), listener.exit(PROMPT_MS)]);
      assert.deepEqual(exits.map(({ code }) => code), [1, 1], lab.log);
      assert.match(
        dialler.log,
        /^dnc: cannot write to standard output: No space left on device.*\n$/,
      );
      assert.match(listener.log, /^dnc: the peer aborted the connection\n$/m);
      assert.equal(await new Response(listener.stdout).text(), "");
      await lab.nothingLeft();
    },
  );

  labTest(
    `standard output closed early over ${transport}, as by head: a quiet end`,
    async (lab) => {
      await lab.dhtnode(4001);
      const options = [...JOIN, "--transport", transport];
      const listener = await lab.dnc(["-l", ...options]);
      const dialler = await lab.dnc([await listener.listening(), ...options]);
      pour(listener, 1);
      const head = dialler.stdout.getReader();
      assert.equal((await head.read()).done, false);
      await head.cancel();
      const exits = await Promise.all([dialler.exit(PROMPT_MS), listener.exit(PROMPT_MS)]);
      assert.deepEqual(exits.map(({ code }) => code), [0, 1], lab.log);
      assert.equal(dialler.log, "");
      assert.match(listener.log, /^dnc: the peer stopped reading before everything was sent\n$/m);
      await lab.nothingLeft();
    },
  );
}

labTest("SIGINT and SIGTERM while waiting for a peer, and while dialling one", async (lab) => {
  await lab.dhtnode(4001);
  const id = await strangerId(lab);
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const waiting = [
      await lab.dnc(["-l", ...JOIN]),
      await lab.dnc(["-l", "--allow", "127.0.0.1:1", ...JOIN]),
    ];
    const dialling = await lab.dnc([id, ...JOIN, "-v"]);
    await Promise.all([...waiting.map((dnc) => dnc.listening()), dialling.shows(/: connected/)]);
    const all = [...waiting, dialling];
    for (const dnc of all) dnc.kill(signal);
    const exits = await Promise.all(all.map((dnc) => dnc.exit(PROMPT_MS)));
    assert.deepEqual(exits.map((exit) => exit.code), [code, code, code], lab.log);
    for (const dnc of all) assert.equal(await new Response(dnc.stdout).text(), "");
  }
  await lab.nothingLeft();
});
