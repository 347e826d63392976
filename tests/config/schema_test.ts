import assert from "node:assert/strict";
import { parseYaml, SchemaContext, SettingError } from "../../lib/config/mod.ts";
import * as schema from "../../lib/config/schema.ts";

const even = schema.scalar((text) => {
  if (Number(text) % 2 !== 0) throw new SettingError("expects an even number");
  return Number(text);
});
const SCHEMA = schema.mapping({
  evens: schema.listOf(even),
  point: schema.mapping({ x: even, is_far: schema.boolean() }, ["x"]),
  file: schema.path((text) => text !== "none"),
});

async function read(text: string) {
  const context = new SchemaContext((name) => `/base/${name}`);
  const reading = SCHEMA.read((await parseYaml("f", text)).top, context);
  return { reading, problems: context.problems.map(({ message }) => message) };
}

Deno.test("a schema gives values, and what the file says", async () => {
  const { reading, problems } = await read("evens: [2, 4]\npoint: {x: 6, is-far: true}\nfile: a\n");
  assert.deepEqual(problems, []);
  assert.deepEqual(reading, {
    value: { evens: [2, 4], point: { x: 6, is_far: true }, file: "/base/a" },
    plain: { evens: [2, 4], point: { x: 6, is_far: true }, file: "/base/a" },
  });
  assert.deepEqual((await read("evens: 2\nfile: none\n")).reading?.value, {
    evens: [2],
    file: "none",
  });
  assert.deepEqual((await read("")).reading?.value, {});
});

Deno.test("a schema names every mistake with its way from the top", async () => {
  const { reading, problems } = await read(
    "evens: [1, 2, [3]]\npoint: {is_far: 0, y: 1}\nfile: [a]\nfilee: a\n",
  );
  assert.equal(reading, undefined);
  assert.deepEqual(problems, [
    "evens[1]: expects an even number",
    "evens[3]: expects one value, not a list",
    "point.is_far: expects true or false, not 0",
    "point: there is no setting y",
    "point: x is missing",
    "file: expects one value, not a list",
    "there is no setting filee; did you mean file?",
  ]);
});
