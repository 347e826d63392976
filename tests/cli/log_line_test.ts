import assert from "node:assert/strict";
import { logLine, printableLine } from "../../cmd/tool/log_line.ts";

Deno.test("log: whose words are part of a line cannot write a line of his own", () => {
  const forged = "declined 317f: unix:/x\ndnc: reloaded\n\x1b[2Jdnc: refused 0000";
  assert.equal(
    logLine("text", "dnc", forged, { level: "warning" }),
    "dnc: warning: declined 317f: unix:/x\n  dnc: reloaded\n  \ufffd[2Jdnc: refused 0000\n",
  );
  const [line, end] = logLine("json", "dnc", forged).split("\n");
  assert.deepEqual([JSON.parse(line!).message, end], [forged, ""]);
});

Deno.test("log: what is indented already, and an end of the line, stay as they are", () => {
  const text = "on the other side run:\n  dnc abab\n";
  assert.equal(logLine("text", "dnc", text), `dnc: ${text}\n`);
});

Deno.test("a line of a peer's stays one, whatever terminals would make of it", () => {
  const text = "a\tb\nc\rd\x1b]0;title\x07\u202ee\u009bf";
  assert.equal(printableLine(text), "a\ufffdb\ufffdc\ufffdd\ufffd]0;title\ufffd\ufffde\ufffdf");
});
