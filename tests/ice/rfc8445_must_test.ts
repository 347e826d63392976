import assert from "node:assert/strict";

/**
 * rfc8445_must.tsv says for each MUST of RFC 8445 (numbered in the order of the text) which test
 * covers it, or why none does: `gathering` and `signalling` are done by other folders, a
 * `deviation` is explained.
 */
const root = new URL("../../", import.meta.url);
const MUST_COUNT = 108;
const VERDICTS = new Set(["test", "not applicable", "gathering", "signalling", "deviation"]);

Deno.test("every MUST of RFC 8445 has its test or its reason", async () => {
  const table = await Deno.readTextFile(new URL("rfc8445_must.tsv", import.meta.url));
  const rows = table.trim().split("\n").slice(1).map((line) => line.split("\t"));
  assert.equal(rows.length, MUST_COUNT);
  const sources = new Map<string, string>();
  for (const [i, [id, verdict, file, text]] of rows.entries()) {
    assert.equal(id, `RFC8445-${String(i + 1).padStart(3, "0")}`);
    assert.ok(VERDICTS.has(verdict!), `${id}: ${verdict}`);
    assert.ok(text, `${id} says nothing`);
    if (verdict !== "test") continue;
    if (!sources.has(file!)) sources.set(file!, await Deno.readTextFile(new URL(file!, root)));
    assert.ok(names(sources.get(file!)!).some((name) => name === text), `${id}: no test "${text}"`);
  }
});

/** The names of a file's tests; role_test.ts makes some of its names from a list. */
function names(source: string): string[] {
  const literal = [...source.matchAll(/Deno\.test\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, name]) =>
    name!
  );
  const roles = source.includes("both ${role}, tie-breakers")
    ? ["both controlling, tie-breakers 1 and 2", "both controlled, tie-breakers 1 and 2"]
    : [];
  return [...literal, ...roles];
}
