import assert from "node:assert/strict";

/** What only some runs need: each costs tens of milliseconds where it is loaded. */
const LAZY = ["yaml", "pkijs", "asn1js", "qrcode-generator", "@lydell/node-pty"];

interface Graph {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}

/** The specifiers of all modules that are loaded with an entry, whatever it then does. */
async function loadedWith(entry: string): Promise<Set<string>> {
  const path = new URL(`../../${entry}`, import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", path],
  }).output();
  const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const dependencies = new Map(graph.modules.map((one) => [one.specifier, one.dependencies ?? []]));
  const loaded = new Set<string>();
  const pending = [...graph.roots];
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    if (loaded.has(one)) continue;
    loaded.add(one);
    for (const { isDynamic, code } of dependencies.get(one) ?? []) {
      if (!isDynamic && code !== undefined) pending.push(code.specifier);
    }
  }
  return loaded;
}

for (
  const entry of ["cmd/dnc.ts", "cmd/dnc/run.ts", "cmd/dsh.ts", "cmd/dvpn.ts", "cmd/crtmgr.ts"]
) {
  Deno.test(`${entry} starts without what only some runs need`, async () => {
    const loaded = [...await loadedWith(entry)];
    assert.ok(loaded.length > 5, "the graph was read");
    for (const name of LAZY) {
      const pattern = new RegExp(`^npm:/?${name}@`);
      assert.deepEqual(loaded.filter((one) => pattern.test(one)), [], name);
    }
  });
}
