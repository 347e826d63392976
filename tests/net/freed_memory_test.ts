import assert from "node:assert/strict";
import { returnFreedMemory } from "../../lib/net/freed_memory.ts";

const MODULE = new URL("../../lib/net/freed_memory.ts", import.meta.url).href;
/** What is freed, 40 MiB, lies below something that stays: the end of the heap does not move. */
const CODE = `
import { returnFreedMemory } from ${JSON.stringify(MODULE)};
const resident = () => 4096 * Number(Deno.readTextFileSync("/proc/self/statm").split(" ")[1]);
const { malloc, free, memset } = Deno.dlopen("libc.so.6", {
  malloc: { parameters: ["usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  memset: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
}).symbols;
const blocks = Array.from({ length: 640 }, () => malloc(65_536n));
for (const block of blocks) memset(block, 1, 65_536n);
memset(malloc(65_536n), 1, 65_536n);
for (const block of blocks) free(block);
const before = resident();
const given = await returnFreedMemory();
console.log(JSON.stringify({ given, lessMiB: (before - resident()) >> 20 }));
`;

Deno.test({
  name: "what was freed between what lasts goes back to the system",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", CODE],
      clearEnv: true,
      env: { HOME: Deno.env.get("HOME") ?? "/", NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.ok(text !== "", new TextDecoder().decode(stderr));
    const { given, lessMiB } = JSON.parse(text);
    assert.ok(given);
    assert.ok(lessMiB >= 32, `${lessMiB} MiB of 40`);
  },
});

Deno.test({
  name: "without permission nothing is asked and nothing given back",
  permissions: { ffi: false },
  fn: async () => assert.equal(await returnFreedMemory(), false),
});
