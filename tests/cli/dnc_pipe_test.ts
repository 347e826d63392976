import assert from "node:assert/strict";
import { connect, type ConnectOptions } from "../../cmd/dnc/connect.ts";
import { listen } from "../../cmd/dnc/listen.ts";
import type { Report } from "../../cmd/peer/report.ts";
import { OutputClosed, type StandardStreams } from "../../cmd/peer/standard_streams.ts";
import { ToolError } from "../../cmd/tool/exit_code.ts";
import { MemoryEndpoint } from "../support/memory_endpoint.ts";
import { memoryStreams } from "../support/memory_streams.ts";

const NEVER = new AbortController().signal;

/** A report that keeps its lines. */
function recorder(): Report & { lines: string[] } {
  const lines: string[] = [];
  return { lines, notice: (text) => lines.push(text), detail: (text) => lines.push(text) };
}

/** A listener and a dialler in one process. */
function network(): { listener: MemoryEndpoint; dialler: MemoryEndpoint } {
  const peers = new Map<string, MemoryEndpoint>();
  return { listener: new MemoryEndpoint("L", peers), dialler: new MemoryEndpoint("D", peers) };
}

function dialling(streams: StandardStreams, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return {
    id: "L",
    target: undefined,
    timeoutMs: 60_000,
    streams,
    signal: NEVER,
    report: recorder(),
    ...more,
  };
}

async function failure(work: Promise<unknown>): Promise<ToolError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ToolError, String(error));
    return error;
  }
  assert.fail("should have failed");
}

Deno.test("dnc pipes both ways, byte for byte, each direction to its own end", async () => {
  const { listener, dialler } = network();
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const large = new Uint8Array(700_000).map((_, index) => random[index % random.length]!);
  const [there, here] = [memoryStreams(large), memoryStreams("a short request")];
  const codes = await Promise.all([
    listen(listener, listener.incoming(), { streams: there, signal: NEVER, report: recorder() }),
    connect(dialler, dialling(here)),
  ]);
  assert.deepEqual(codes, [0, 0]);
  assert.equal(there.output.text, "a short request");
  assert.deepEqual(here.output.bytes, large);
});

Deno.test("dnc ends when both inputs are empty", async () => {
  const { listener, dialler } = network();
  const [there, here] = [memoryStreams(""), memoryStreams("")];
  await Promise.all([
    listen(listener, listener.incoming(), { streams: there, signal: NEVER, report: recorder() }),
    connect(dialler, dialling(here)),
  ]);
  assert.equal(there.output.text + here.output.text, "");
});

Deno.test("a listener at a terminal ends with what the peer sends", async () => {
  const { listener, dialler } = network();
  const there = memoryStreams("typed", { endless: true, terminal: true });
  const here = memoryStreams("a file");
  await Promise.all([
    listen(listener, listener.incoming(), { streams: there, signal: NEVER, report: recorder() }),
    connect(dialler, dialling(here)),
  ]);
  assert.equal(there.output.text, "a file");
  assert.equal(here.output.text, "typed");
});

Deno.test("a dialler whose input stays open ends when the peer has closed", async () => {
  const { listener, dialler } = network();
  const here = memoryStreams("question", { endless: true });
  const serve = async () => {
    for await (const incoming of listener.incoming()) {
      const channel = incoming.accept();
      await channel.read(new Uint8Array(100));
      await channel.write(new TextEncoder().encode("answer"));
      return channel.close();
    }
  };
  await Promise.all([serve(), connect(dialler, dialling(here))]);
  assert.equal(here.output.text, "answer");
});

Deno.test("a listener takes one peer and declines what it does not do", async () => {
  const { listener, dialler } = network();
  const stop = new AbortController();
  const there = memoryStreams("", { endless: true });
  const listening = listen(listener, listener.incoming(), {
    streams: there,
    signal: stop.signal,
    report: recorder(),
  });
  const target = { kind: "tcp" as const, host: "127.0.0.1", port: 22 };
  const wrong = await failure(connect(dialler, dialling(memoryStreams(""), { target })));
  assert.equal(wrong.exitCode, 3);
  assert.match(wrong.message, /connect without -i and -P/);

  const first = connect(
    dialler,
    dialling(memoryStreams("", { endless: true }), { signal: stop.signal }),
  );
  const second = await failure(connect(dialler, dialling(memoryStreams(""))));
  assert.equal(second.exitCode, 1);
  assert.match(second.message, /connected to another one/);
  stop.abort(new ToolError(130, "interrupted"));
  assert.equal((await failure(first)).exitCode, 130);
  assert.equal((await failure(listening)).exitCode, 130);
});

Deno.test("an interrupted transfer ends at once and aborts the channel", async () => {
  const { listener, dialler } = network();
  const stop = new AbortController();
  const there = memoryStreams("", { endless: true });
  const listening = listen(listener, listener.incoming(), {
    streams: there,
    signal: NEVER,
    report: recorder(),
  });
  const here = memoryStreams("begun", { endless: true });
  const connecting = connect(dialler, dialling(here, { signal: stop.signal }));
  while (there.output.text !== "begun") await new Promise((resolve) => setTimeout(resolve, 0));
  stop.abort(new ToolError(143, "interrupted"));
  assert.equal((await failure(connecting)).exitCode, 143);
  const other = await failure(listening);
  assert.equal(other.exitCode, 1);
  assert.match(other.message, /aborted/);
});

Deno.test("a full standard output is named; a closed one is a quiet end", async () => {
  const cases: [() => Error, number | undefined][] = [
    [() => new ToolError(1, "cannot write to standard output: No space left on device"), 1],
    [() => new OutputClosed(), undefined],
  ];
  for (const [fail, exitCode] of cases) {
    const { listener, dialler } = network();
    const there = memoryStreams("data");
    const listening = listen(listener, listener.incoming(), {
      streams: there,
      signal: NEVER,
      report: recorder(),
    });
    const here = memoryStreams("", { endless: true, fail });
    const connecting = connect(dialler, dialling(here));
    if (exitCode === undefined) {
      assert.deepEqual(await Promise.all([connecting, listening]), [0, 0]);
    } else {
      assert.match((await failure(connecting)).message, /standard output: No space/);
      assert.equal((await failure(listening)).exitCode, 1, "the peer learns that data were lost");
    }
  }
});

Deno.test("a listener whose reader has gone tells the sender that data were lost", async () => {
  const { listener, dialler } = network();
  const there = memoryStreams("", { endless: true, fail: () => new OutputClosed() });
  const listening = listen(listener, listener.incoming(), {
    streams: there,
    signal: NEVER,
    report: recorder(),
  });
  const large = new Uint8Array(3_000_000);
  const sender = await failure(connect(dialler, dialling(memoryStreams(large))));
  assert.equal(sender.exitCode, 1);
  assert.match(sender.message, /stopped reading before everything was sent/);
  assert.equal(await listening, 0);
});

Deno.test("a peer that does not answer: the endpoint's words and exit code 1", async () => {
  const { dialler } = network();
  const nobody = dialling(memoryStreams(""), { id: "nobody", timeoutMs: 1 });
  const error = await failure(connect(dialler, nobody));
  assert.equal(error.exitCode, 1);
  assert.equal(error.message, "does not answer");
});

Deno.test("a peer that neither accepts nor declines: the time-out covers that too", async () => {
  const { dialler } = network();
  const error = await failure(connect(dialler, dialling(memoryStreams(""), { timeoutMs: 1 })));
  assert.match(error.message, /did not accept within 0\.001 s/);
});

Deno.test("an interruption while connecting has the exit code of the signal", async () => {
  const { dialler } = network();
  const signal = AbortSignal.abort(new ToolError(130, "interrupted"));
  const error = await failure(
    connect(dialler, dialling(memoryStreams(""), { id: "nobody", signal })),
  );
  assert.equal(error.exitCode, 130);
});

Deno.test("path and byte counts are reported", async () => {
  const { listener, dialler } = network();
  const report = recorder();
  await Promise.all([
    listen(listener, listener.incoming(), {
      streams: memoryStreams("12345"),
      signal: NEVER,
      report: recorder(),
    }),
    connect(dialler, dialling(memoryStreams("123"), { report })),
  ]);
  assert.equal(
    report.lines[0],
    "connected to L over memory here to there, round trip 0.3 ms",
  );
  assert.match(report.lines[1]!, /^sent 3 bytes, received 5 bytes in 0\.\d s$/);
});
