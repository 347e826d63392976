import assert from "node:assert/strict";

/**
 * rfc8656_must.tsv says for each MUST of RFC 8656 (numbered in the order of the text) which test
 * covers it, or why none does: most of them are the `server`'s.
 */
const root = new URL("../../", import.meta.url);
const MUST_COUNT = 70;
const VERDICTS = new Set(["test", "server", "not applicable", "other layer"]);

Deno.test("every MUST of RFC 8656 has its test or its reason", async () => {
  const table = await Deno.readTextFile(new URL("rfc8656_must.tsv", import.meta.url));
  const rows = table.trim().split("\n").slice(1).map((line) => line.split("\t"));
  assert.equal(rows.length, MUST_COUNT);
  const sources = new Map<string, string>();
  for (const [i, [id, verdict, file, text]] of rows.entries()) {
    assert.equal(id, `RFC8656-${String(i + 1).padStart(3, "0")}`);
    assert.ok(VERDICTS.has(verdict!), `${id}: ${verdict}`);
    assert.ok(text, `${id} says nothing`);
    if (verdict !== "test") continue;
    if (!sources.has(file!)) sources.set(file!, await Deno.readTextFile(new URL(file!, root)));
    assert.ok(names(sources.get(file!)!).includes(text), `${id}: no test "${text}"`);
  }
});

/** The names of a file's tests; those of the lab are made by turnTest. */
function names(source: string): string[] {
  const calls = source.matchAll(/(?:Deno\.test|turnTest)\(\s*"((?:[^"\\]|\\.)*)"/g);
  return [...calls].map(([, name]) => name!);
}
