import assert from "node:assert/strict";
import { loadedWith, modulesOfNode } from "../support/module_graph.ts";

/** What only some runs need: each costs tens of milliseconds where it is loaded. */
const LAZY = ["yaml", "pkijs", "asn1js", "qrcode-generator", "@lydell/node-pty"];

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

for (const entry of ["cmd/dnc.ts", "cmd/dsh.ts", "cmd/dvpn.ts", "cmd/crtmgr.ts"]) {
  Deno.test(`${entry} says its version without Node's modules, which cost a start 5 to 15 ms`, async () => {
    assert.deepEqual(modulesOfNode(await loadedWith(entry)), []);
  });
}
