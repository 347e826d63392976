import assert from "node:assert/strict";
import { ConnectProgress } from "../../cmd/peer/progress.ts";
import { shellLine } from "../../cmd/tool/invocation.ts";
import { SimulatedClock } from "../support/simulated_clock.ts";
import { clockOf } from "../support/simulated_gathering.ts";
import { TRACED_PEER, traceOf, TYPICAL_STEPS } from "../support/trace_events.ts";
import { runToolProcess, toolWords } from "./tool_process.ts";

/** A progress at a simulated terminal: every line that stood there, and what stands there now. */
function watched() {
  const clock = new SimulatedClock(), lines: string[] = [];
  const progress = new ConnectProgress("dnc", (line) => lines.push(line), clockOf(clock));
  return { clock, lines, progress };
}

Deno.test("who waits is told what is being tried, and for how long", () => {
  const { clock, lines, progress } = watched();
  // Fifty times slower than the events tell, so that each can be seen.
  for (const event of traceOf(TYPICAL_STEPS.filter(([at]) => at >= 0 && at < 1_000))) {
    clock.run(event.at * 50);
    progress.take(event);
  }
  const seen = [...new Set(lines.map((line) => line.replace(/, [\d.]+ s$/, "")))];
  assert.deepEqual(
    seen,
    [
      ...["looking for our addresses", "joining the DHT", "asking the DHT (8 nodes)"],
      ...["waiting for its answer (request on 8 nodes)", "trying 2 paths"],
      ...["trying 2 paths, 1 failed", "connected, waiting for the peer to accept"],
    ].map((what) => `dnc: connecting to d75a9801: ${what}`).concat(""),
  );
  assert.ok(lines[0]?.endsWith(", 0.4 s"), lines[0]);
  assert.equal(lines.at(-1), "", "the line is gone once the peer has accepted");
  clock.run(60_000);
  assert.equal(lines.at(-1), "", "and stays so");
});

Deno.test("a call that gets through at once shows nothing", () => {
  const { clock, lines, progress } = watched();
  for (const event of traceOf(TYPICAL_STEPS.filter(([at]) => at >= 0 && at < 1_000))) {
    clock.run(event.at);
    progress.take(event);
  }
  clock.run(60_000);
  assert.deepEqual(lines.filter((line) => line !== ""), []);
});

Deno.test("a call that fails, or a tool that ends, takes its line away", () => {
  for (const how of ["failed", "closed"]) {
    const { clock, lines, progress } = watched();
    progress.take(traceOf([[0, { type: "begin", time: 0 }]])[0]!);
    clock.run(1_000);
    assert.match(lines.at(-1)!, /looking for our addresses, 1\.0 s$/);
    if (how === "closed") progress.close();
    else {
      progress.take(traceOf([[1, { type: "failed", code: "timeout", reason: "late" }]])[0]!);
    }
    assert.equal(lines.at(-1), "");
    const before = lines.length;
    clock.run(60_000);
    assert.equal(lines.length, before);
  }
});

Deno.test("what goes on beside the call is not shown", () => {
  const { clock, lines, progress } = watched();
  for (const purpose of ["answer", "resume", "improve"] as const) {
    const [event] = traceOf([[0, { type: "begin", time: 0 }]]);
    progress.take({ ...event!, purpose });
  }
  clock.run(60_000);
  assert.deepEqual(lines, []);
});

/** A call that nobody answers, on loopback, in a network of its own. */
const CALL = [TRACED_PEER, "--interface", "lo", "--no-discovery", "--timeout", "1500ms"];

/** Calls at a terminal, which `script` of Debian's bsdutils gives; what it showed. */
async function callAtTerminal(args: readonly string[], env: Record<string, string>) {
  const directory = await Deno.makeTempDir();
  try {
    const command = shellLine([...toolWords("dnc"), ...CALL, ...args]);
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { DHTNET_CONFIG_DIR: directory, TERM: "xterm", NO_COLOR: "", ...env },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What is left on the screen: each line as it was after its last erasure. */
function screen(output: string): string {
  return output.split("\n").map((line) => line.split("\r\x1b[K").at(-1)!).join("\n");
}

Deno.test("at a terminal a line shows while it lasts, and nothing of it is left", async () => {
  const output = await callAtTerminal([], {});
  // deno-lint-ignore no-control-regex
  assert.match(output, /\x1b\[2mdnc: connecting to d75a9801: [^\n]*, \d\.\d s\x1b\[m/);
  assert.ok(!screen(output).includes("connecting to"), JSON.stringify(output));
  assert.match(screen(output), /dnc: no DHT node could be reached/);
});

Deno.test("NO_COLOR, --quiet and a terminal that cannot erase are respected", async () => {
  const plain = await callAtTerminal([], { NO_COLOR: "1" });
  // deno-lint-ignore no-control-regex
  assert.match(plain, /\r\x1b\[Kdnc: connecting to d75a9801: [^\n]*, \d\.\d s\r/);
  assert.ok(!plain.includes("\x1b[2m"));
  for (const [args, env] of [[["-q"], {}], [[], { TERM: "dumb" }]] as const) {
    const output = await callAtTerminal(args, env);
    assert.ok(!output.includes("connecting to"), JSON.stringify(output));
  }
});

Deno.test("in a pipe there is no such line; -vvv and --trace tell it all", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const env = { DHTNET_CONFIG_DIR: directory, TERM: "xterm" };
    const quiet = await runToolProcess("dnc", CALL, env);
    assert.equal(quiet.code, 1);
    assert.equal(quiet.stderr.trim().split("\n").length, 1, quiet.stderr);
    const file = `${directory}/trace.html`;
    const traced = await runToolProcess("dnc", [...CALL, "-vvv", "--trace", file], env);
    assert.equal(traced.stdout, "");
    assert.match(traced.stderr, /^#1 +0\.0 ms {2}begin {4}connect to d75a9801/m);
    assert.match(
      traced.stderr,
      /^#1 +\d+\.\d ms {2}gather {3}our candidate udp host 127\.0\.0\.1:/m,
    );
    assert.match(traced.stderr, /^#1 +\d+\.\d ms {2}failed {3}no DHT node could be reached/m);
    const page = await Deno.readTextFile(file);
    assert.ok(page.includes("failed: no DHT node could be reached"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
