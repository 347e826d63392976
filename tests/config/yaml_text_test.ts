import assert from "node:assert/strict";
import * as fc from "fast-check";
import { ConfigError, parseYaml } from "../../lib/config/mod.ts";

const YAML_PIECES = ["a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "|", ">"]
  .concat(["'", '"', "#", "!!map ", "? ", "---\n", "%YAML 1.2\n", "\t", "<<", "\u0000", "\ud800"]);

Deno.test("whatever the text, it is read, or every error has its place", async () => {
  const texts = fc.array(fc.oneof(fc.constantFrom(...YAML_PIECES), fc.string()), { maxLength: 40 });
  await fc.assert(fc.asyncProperty(texts, async (pieces) => {
    const text = pieces.join("");
    try {
      const { top } = await parseYaml("f", text);
      assert.equal(top.kind, "mapping");
    } catch (error) {
      assert.ok(error instanceof ConfigError, Deno.inspect(error));
      assert.ok(error.problems.length > 0);
      for (const line of error.message.split("\n")) assert.match(line, /^f:\d+:\d+: ./);
      const lines = text.split(/\r\n|\r|\n/).length;
      for (const { place } of error.problems) assert.ok(place!.line <= lines + 1, error.message);
    }
  }));
});

Deno.test("values have their kinds, their text and their places", async () => {
  const { top, problems } = await parseYaml("f", "a: 0123\nb:\n  - true\n  - x y\nc: {d: ~}\n");
  assert.deepEqual(problems, []);
  assert.deepEqual(top.entries, [
    {
      ...{ key: "a", line: 1, column: 1 },
      value: { kind: "scalar", value: 123, text: "0123", line: 1, column: 4 },
    },
    {
      ...{ key: "b", line: 2, column: 1 },
      value: {
        kind: "list",
        items: [
          { kind: "scalar", value: true, text: "true", line: 3, column: 5 },
          { kind: "scalar", value: "x y", text: "x y", line: 4, column: 5 },
        ],
        ...{ line: 3, column: 3 },
      },
    },
    {
      ...{ key: "c", line: 5, column: 1 },
      value: {
        kind: "mapping",
        entries: [{
          ...{ key: "d", line: 5, column: 5 },
          value: { kind: "scalar", value: null, text: "", line: 5, column: 8 },
        }],
        ...{ line: 5, column: 4 },
      },
    },
  ]);
});

Deno.test("an alias stands for what it names, at its own place", async () => {
  const { top } = await parseYaml("f", "a: &x [1]\nb: *x\n");
  const [, b] = top.entries;
  assert.deepEqual([b!.value.kind, b!.value.line, b!.value.column], ["list", 2, 4]);
});

Deno.test("an alias of itself ends", async () => {
  await assert.rejects(async () => {
    const { problems } = await parseYaml("f", "a: &x [*x]\n");
    if (problems.length > 0) throw new ConfigError("f", problems);
  }, /nested too deeply|too many values|nothing above/);
});
