import assert from "node:assert/strict";
import { PROGRAMS } from "../../cmd/dist/programs.ts";
import { runToolProcess, type ToolName } from "./tool_process.ts";

/** A page that a maximized window shows as a whole: lines, and columns of every terminal. */
const PAGE = { lines: 50, columns: 80 };

for (const program of PROGRAMS) {
  const name = program.name as ToolName;

  Deno.test(`${name} --help is a page, and plain where colours are forced, too`, async () => {
    const { code, stdout, stderr } = await runToolProcess(name, ["--help"], { FORCE_COLOR: "1" });
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assert.ok(lines.length <= PAGE.lines, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= PAGE.columns, line);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(stdout, /\x1b/);
  });

  Deno.test(`${name} --help names every option, or tells of the topic that does`, async () => {
    const { options, topics = {} } = await program.help();
    const { stdout } = await runToolProcess(name, ["--help"]);
    for (const [long, { letters }] of Object.entries(options)) {
      const ways = [`--${long}`, ...letters[0] === undefined ? [] : [`-${letters[0]}`]];
      assert.ok(ways.some((way) => stdout.includes(way)), long);
    }
    for (const topic of Object.keys(topics)) {
      const about = await runToolProcess(name, ["--help", topic]);
      assert.equal(about.code, 0, about.stderr);
      for (const line of about.stdout.split("\n")) assert.ok(line.length <= PAGE.columns, line);
    }
  });

  Deno.test(`${name}: a slip of the finger is answered by what was meant`, async () => {
    const { code, stdout, stderr } = await runToolProcess(name, ["--versoin"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /unknown option --versoin; did you mean --version\?\nTry: \w+ --help\n$/);
  });
}
