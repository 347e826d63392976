import assert from "node:assert/strict";
import { runSession } from "../../cmd/dsh/client/run_session.ts";
import { loadOrCreateIdentity } from "../../lib/identity/mod.ts";
import { Endpoint } from "../../mod.ts";
import { DshServer, eventually } from "../cli/dsh_process.ts";
import { MemorySink, memoryStreams } from "../support/memory_streams.ts";

const SEQUENTIAL = 1_000;
const CONCURRENT = 50;
/** The heap has grown by then to what so many need: 16,000 more take no more than 1,000 more do. */
const WARM_UP = 1_000;
/** What a garbage collector may not have come to, MiB. */
const MEMORY_SLACK = 40;

const REQUEST = {
  command: "true",
  binary: undefined,
  terminal: undefined,
  environment: [],
  kept: undefined,
};

/** What a process holds. */
function holdings(pid: number): { descriptors: number; children: number; memoryMiB: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ");
  return {
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    children: children.filter((child) => child !== "").length,
    memoryMiB: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024,
  };
}

Deno.test(`dsh: ${SEQUENTIAL} sessions one after another and ${CONCURRENT} at once, over one connection`, async () => {
  await using server = await DshServer.start();
  await using endpoint = await Endpoint.start({
    identity: await loadOrCreateIdentity(server.clientDirectory),
    interfaces: ["lo"],
  });
  const report = { notice() {}, detail() {} };
  const one = (terminal?: typeof REQUEST["terminal"] | object) =>
    runSession(endpoint, {
      ...{ id: server.id, report, timeoutMs: undefined, terminal: undefined },
      request: { ...REQUEST, terminal: terminal as undefined },
      streams: { ...memoryStreams(""), errorOutput: new MemorySink() },
      signals: {
        signal: new AbortController().signal,
        forward: undefined,
        onResize: undefined,
        onContinue: undefined,
      },
    });
  const together = async () => {
    const codes = await Promise.all(
      Array.from(
        { length: CONCURRENT },
        (_, index) => one(index % 2 === 0 ? undefined : { columns: 80, rows: 24, type: "xterm" }),
      ),
    );
    assert.ok(codes.every((code) => code === 0));
  };
  // Code is compiled and memory taken from the system in the beginning.
  for (let count = 0; count < WARM_UP; count++) assert.equal(await one(), 0);
  await together();
  await eventually("the first are gone", () => holdings(server.pid).children === 0);
  const before = holdings(server.pid);
  const begin = performance.now();
  for (let count = 0; count < SEQUENTIAL; count++) assert.equal(await one(), 0);
  const perSession = (performance.now() - begin) / SEQUENTIAL;
  await together();
  await eventually("nothing is left", () => {
    const { children, descriptors } = holdings(server.pid);
    return children === 0 && descriptors <= before.descriptors;
  });
  const after = holdings(server.pid);
  console.log(
    `${perSession.toFixed(1)} ms each; the server's memory went from ` +
      `${before.memoryMiB.toFixed(0)} to ${after.memoryMiB.toFixed(0)} MiB`,
  );
  assert.ok(after.memoryMiB - before.memoryMiB < MEMORY_SLACK);
});
