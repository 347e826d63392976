import assert from "node:assert/strict";
import { runSession } from "../../cmd/dsh/client/run_session.ts";
import { loadOrCreateIdentity } from "../../lib/identity/mod.ts";
import { Endpoint } from "../../mod.ts";
import { DshServer, eventually } from "../cli/dsh_process.ts";
import { MemorySink, memoryStreams } from "../support/memory_streams.ts";
import { withDescriptors } from "./few_descriptors.ts";

/** A session has all it needs with so many to spare. */
const ENOUGH = 16;
/** Enough for a pipe to be looked for that is quicker, when there may be no descriptor to look with. */
const BULK_BYTES = 300_000;
const TERMINAL = { columns: 80, rows: 24, type: "xterm" };

/** How many terminals, pipes and other files a process has open; sockets come and go with the network. */
function openFiles(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  return [...Deno.readDirSync(directory)].filter(({ name }) => {
    try {
      return !Deno.readLinkSync(`${directory}/${name}`).startsWith("socket:");
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

Deno.test("dsh: a server without descriptors says so, keeps none, and goes on", async () => {
  await using server = await DshServer.start();
  await using endpoint = await Endpoint.start({
    identity: await loadOrCreateIdentity(server.clientDirectory),
    interfaces: ["lo"],
  });
  const session = (
    command: string,
    terminal: typeof TERMINAL | undefined,
    output = new MemorySink(),
  ) =>
    runSession(endpoint, {
      ...{ id: server.id, report: { notice() {}, detail() {} }, timeoutMs: undefined },
      terminal: undefined,
      request: { command, binary: undefined, terminal, environment: [], kept: undefined },
      streams: { ...memoryStreams(""), output, errorOutput: new MemorySink() },
      signals: {
        signal: AbortSignal.timeout(30_000),
        forward: undefined,
        onResize: undefined,
        onContinue: undefined,
      },
    }).catch(String);
  const descriptors = () => openFiles(server.pid);
  assert.equal(await session("exit 5", TERMINAL), 5);
  const before = descriptors();
  let refused = 0;
  for (let spare = 0; spare <= ENOUGH; spare++) {
    await withDescriptors(server.pid, spare, async () => {
      const output = new MemorySink();
      const results = await Promise.all([
        session(`head -c ${BULK_BYTES} /dev/zero; exit 3`, undefined, output),
        session("exit 4", TERMINAL),
      ]);
      if (results[0] === 3) assert.equal(output.bytes.length, BULK_BYTES);
      const told = /the peer cannot start a program: .*(Too many open files|no descriptor)/;
      for (const [index, result] of results.entries()) {
        if (spare === ENOUGH) assert.equal(result, 3 + index);
        else assert.ok(result === 3 + index || told.test(String(result)), String(result));
        if (told.test(String(result))) refused++;
      }
    });
    assert.equal(await session("exit 5", TERMINAL), 5, server.log);
  }
  assert.ok(refused >= 2, `${refused} sessions could not be had`);
  // Those of the last session are closed a moment after its end.
  await eventually(`no more than ${before} open files`, () => descriptors() <= before);
});
