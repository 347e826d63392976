import assert from "node:assert/strict";
import { ToolError } from "../../cmd/tool/exit_code.ts";
import { escapeMarkup } from "../../cmd/tool/markup.ts";
import { TraceFile } from "../../cmd/tool/trace_file.ts";
import { timelineOf } from "../../cmd/tool/trace_lanes.ts";
import { traceLine } from "../../cmd/tool/trace_line.ts";
import { tracePage } from "../../cmd/tool/trace_page.ts";
import { markupProblem } from "../support/markup_check.ts";
import { TRACED_PEER, traceOf, TYPICAL_STEPS } from "../support/trace_events.ts";

/** What a malicious peer, or a name in a configuration, would say. */
const HOSTILE = `</text></title><script>alert("1")</script><img src=x onerror='x'>&amp;\x1b[2J\0`;

Deno.test("every kind of event is one line that tells its time", () => {
  const lines = traceOf(TYPICAL_STEPS).map((event) => traceLine("text", event));
  for (const line of lines) {
    assert.match(line, /^#1 +-?\d+\.\d ms {2}[a-z]+ +\S.*\n$/);
    assert.equal(line.split("\n").length, 2, line);
    assert.ok(!line.includes("undefined"), line);
  }
  assert.equal(lines[0], `#1       0.0 ms  begin    connect to ${TRACED_PEER}\n`);
  const pair = lines.find((line) => line.includes("valid"));
  assert.match(
    pair!,
    /pair {5}udp 192\.0\.2\.1:4000 to 198\.51\.100\.7:5000 \(host-srflx\): succeeded, valid, round trip 27\.5 ms/,
  );
});

Deno.test("with --log-format json a line is the event itself", () => {
  const [event] = traceOf([[7.5, { type: "stored", nodes: 8 }]]);
  const { time, ...fields } = JSON.parse(traceLine("json", event!));
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(fields, {
    ...{ level: "trace", source: "trace", attempt: 1, purpose: "connect", peer: TRACED_PEER },
    ...{ at: 7.5, type: "stored", nodes: 8 },
  });
});

Deno.test("what a peer says cannot move the cursor", () => {
  const [event] = traceOf([[1, { type: "answer", accepted: false, reason: HOSTILE }]]);
  const line = traceLine("text", event!);
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\x00-\x09\x0b-\x1f\x7f]/.test(line), JSON.stringify(line));
});

Deno.test("the lanes: bars end where the next thing begins, a TCP pair stays one row", () => {
  const { lanes, endMs } = timelineOf(traceOf(TYPICAL_STEPS));
  assert.deepEqual(lanes.map(({ name }) => name), [
    ...["DHT", "Gathering", "ICE pairs", "Pipe", "Session"],
  ]);
  assert.equal(endMs, 150, "what becomes of the session later does not squeeze the picture");
  const pairs = lanes[2]!.rows;
  assert.deepEqual(pairs.map(({ label }) => label), [
    "udp 192.0.2.1:4000 to 198.51.100.7:5000",
    "tcp 192.0.2.1 to 198.51.100.7:6000",
  ]);
  const [udp, tcp] = pairs;
  assert.deepEqual(udp!.bars.map(({ from, to, look }) => [from, to, look]), [
    [62, 90, "working"],
    [90, undefined, "good"],
  ]);
  assert.deepEqual(udp!.marks.map(({ look }) => look), [
    "sent",
    "received",
    "decision",
    "decision",
  ]);
  assert.deepEqual(tcp!.bars.map(({ to, look }) => [to, look]), [[80, "working"], [120, "bad"]]);
  const request = lanes[0]!.rows.find(({ label }) => label === "request and answer");
  assert.deepEqual(request!.bars.map(({ from, to }) => [from, to]), [[14, 60]]);
});

Deno.test("an attempt that fails leaves nothing under way", () => {
  const events = traceOf([
    ...TYPICAL_STEPS.slice(0, 13),
    [5_000, { type: "failed", code: "unreachable", reason: "no path" }],
  ]);
  for (const { rows } of timelineOf(events).lanes) {
    for (const { bars, label } of rows) {
      for (const { to } of bars) assert.notEqual(to, undefined, label);
    }
  }
});

Deno.test("the page is well-formed, needs nothing from anywhere and shows every event", () => {
  const events = traceOf(TYPICAL_STEPS);
  const page = tracePage("a trace", [{ events, omitted: 3 }]);
  assert.equal(markupProblem(page), undefined);
  assert.ok(!/https?:|url\(|<script|<link|<img|@import|\son\w+=/i.test(page));
  assert.equal(page.match(/<svg/g)?.length, 1);
  assert.equal(page.match(/<tr class=/g)?.length, events.length);
  assert.ok(page.includes("3 more events were not kept"));
  assert.ok(page.includes("after 92.0 ms: session: runs over udp"), "what it came to");
  // Nothing is drawn outside the picture, not even what was there before or came much later.
  const [, width] = /viewBox="0 0 ([\d.]+)/.exec(page)!;
  for (const [, x] of page.matchAll(/ (?:cx|x|x1|x2)="([^"]*)"/g)) {
    assert.ok(Number(x) >= 0 && Number(x) <= Number(width), `x is ${x}`);
  }
});

Deno.test("whatever peers say stays text", () => {
  const page = tracePage(HOSTILE, [{
    events: traceOf([
      [0, { type: "begin", time: 0 }],
      [1, { type: "answer", accepted: false, reason: HOSTILE }],
      [2, { type: "channel", name: HOSTILE, state: "failed", reason: HOSTILE }],
      [3, { type: "failed", code: "refused", reason: HOSTILE }],
    ]).map((event) => ({ ...event, peer: HOSTILE })),
    omitted: 0,
  }]);
  assert.equal(markupProblem(page), undefined);
  assert.ok(!/<script|<img/.test(page));
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\x00-\x09\x0b-\x1f]/.test(page));
  assert.equal(escapeMarkup(`<a b="c">&'`), "&#60;a b=&#34;c&#34;&#62;&#38;&#39;");
});

Deno.test("a page before the first attempt says so", () => {
  const page = tracePage("a trace", []);
  assert.equal(markupProblem(page), undefined);
  assert.match(page, /No attempt/);
});

Deno.test("the file is its owner's, and holds the latest attempts whatever their number", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/trace.html`;
    const file = await TraceFile.open(path, "dnc");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.match(await Deno.readTextFile(path), /No attempt/);
    for (let attempt = 1; attempt <= 40; attempt++) {
      for (const event of traceOf(TYPICAL_STEPS, attempt)) file.take(event);
    }
    for (let i = 0; i < 5_000; i++) {
      file.take(traceOf([[i, { type: "stored", nodes: 1 }]], 40)[0]!);
    }
    await file.close();
    const page = await Deno.readTextFile(path);
    assert.equal(page.match(/<section>/g)?.length, 16);
    assert.ok(page.includes("<h2>#40 connect to") && !page.includes("<h2>#24 connect to"));
    assert.match(page, /3\d\d\d more events were not kept/);
    assert.equal([...Deno.readDirSync(directory)].length, 1, "no temporary file is left");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that cannot be written is a mistake that is told at once", async () => {
  await assert.rejects(
    TraceFile.open("/nonexistent/trace.html", "dnc"),
    (error) => error instanceof ToolError && error.exitCode === 2 && /--trace/.test(error.message),
  );
});

Deno.test("what is no regular file is left alone, and what a link leads to is written", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [socket, folder, gone] = ["socket", "folder", "gone"].map((n) => `${directory}/${n}`);
    using _ = Deno.listen({ transport: "unix", path: socket! });
    await Deno.mkdir(folder!);
    await Deno.symlink(`${directory}/nowhere`, gone!);
    const cases: [string, RegExp][] = [
      [socket!, /^--trace: .*socket is no regular file/],
      [folder!, /^--trace: .*folder is a directory/],
      [gone!, /^--trace: .*gone is a link that leads nowhere/],
    ];
    for (const [path, message] of cases) {
      const before = await Deno.lstat(path);
      await assert.rejects(TraceFile.open(path, "dnc"), {
        name: "ToolError",
        exitCode: 2,
        message,
      });
      assert.equal((await Deno.lstat(path)).ino, before.ino, path);
    }
    const [page, link] = [`${folder}/page.html`, `${directory}/link.html`];
    await Deno.writeTextFile(page, "before");
    await Deno.symlink("folder/page.html", link);
    const file = await TraceFile.open(link, "dnc");
    await file.close();
    assert.equal(await Deno.readLink(link), "folder/page.html");
    assert.match(await Deno.readTextFile(page), /No attempt/);
    assert.equal([...Deno.readDirSync(folder!)].length, 1, "no temporary file is left");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
