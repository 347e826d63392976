import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import {
  configurationValues,
  editedConfiguration,
  newConfiguration,
  type Setting,
} from "../../cmd/crtmgr/wizard/configuration_file.ts";

const PATH = "dnc.yaml";

Deno.test("configuration: any values come back from a new file and from an edited one", () => {
  const scalar = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant("a: b # c"));
  const value = fc.oneof(
    scalar,
    fc.array(fc.record({ ip: scalar, port: fc.nat() }, { noNullPrototype: true })),
  );
  const key = fc.stringMatching(/^[a-z][a-z_-]{0,8}$/);
  const values = fc.dictionary(key, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true });
  fc.assert(fc.property(values, values, (first, second) => {
    const settings = (from: Record<string, unknown>): Setting[] =>
      Object.entries(from).map(([key, value]) => ({ key, value, comment: `about ${key}` }));
    const created = newConfiguration("title", settings(first));
    assert.deepEqual(parse(created) ?? {}, first);
    const edited = editedConfiguration(PATH, created, settings(second));
    assert.deepEqual(parse(edited) ?? {}, { ...first, ...second });
    assert.deepEqual(editedConfiguration(PATH, edited, settings(second)), edited);
  }));
});

Deno.test("configuration: an edit touches nothing but its values", () => {
  const text = [
    "# the first line",
    "a:   1   # one",
    "",
    "list:",
    "    # inside",
    "    - x  # the x",
    "  # after the list",
    "unknown: {deep: [1, 2]} # stays",
    "empty:",
    "# bootstrap: example",
    "z: 'quoted'",
  ].join("\n");
  const edited = editedConfiguration(PATH, text, [
    { key: "a", value: 2, comment: "" },
    { key: "list", value: ["y", "z"], comment: "" },
    { key: "empty", value: "full", comment: "" },
    { key: "bootstrap", value: "host", comment: "" },
    { key: "z", value: undefined, comment: "" },
    { key: "added", value: true, comment: "two\nlines" },
  ]);
  assert.equal(
    edited,
    [
      "# the first line",
      "a: 2   # one",
      "",
      "list:",
      "  - y",
      "  - z",
      "  # after the list",
      "unknown: {deep: [1, 2]} # stays",
      "empty: full",
      "bootstrap: host",
      "# z: 'quoted'",
      "",
      "# two",
      "# lines",
      "added: true",
      "",
    ].join("\n"),
  );
});

Deno.test("configuration: what nobody was asked about stays; a secret leaves no trace", () => {
  const text = "port: 2222\nturn_pass: secret\n";
  const settings = [
    { key: "port", value: 22, comment: "", keep: true },
    { key: "turn_pass", value: undefined, secret: true },
  ];
  const edited = editedConfiguration(PATH, text, settings);
  assert.deepEqual([...configurationValues(PATH, edited)], [["port", 2222]]);
  assert.doesNotMatch(edited, /secret|turn_pass/);
});

Deno.test("configuration: what is no mapping of keys is refused with its line", () => {
  for (const text of ["- a\n", "{a: 1}\n", "text\n", "a: 1\na: 2\n", "a: [\n", "a: !!x\n\tb"]) {
    assert.throws(() => configurationValues(PATH, text), /^ToolError: dnc\.yaml:\d+: /, text);
  }
  for (const text of ["", "# only a comment\n", "---\n", "~\n"]) {
    assert.equal(configurationValues(PATH, text).size, 0, text);
  }
});
