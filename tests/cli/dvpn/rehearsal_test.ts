import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MODULE = new URL("../../../cmd/dvpn/data/rehearsal.ts", import.meta.url).href;
/** In a process of its own: others open files, too. */
const CODE = `import { rehearsePackets } from ${JSON.stringify(MODULE)};
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
const { signal } = new AbortController();
const before = descriptors();
const came = await rehearsePackets(signal);
const again = await rehearsePackets(signal);
console.log(JSON.stringify({ came, again, left: descriptors() - before }));`;

Deno.test("dvpn rehearses with packets that all come back, once, and leaves nothing open", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--config",
      `${ROOT}deno.json`,
      `data:application/typescript,${encodeURIComponent(CODE)}`,
    ],
  }).output();
  assert.notEqual(stdout.length, 0, new TextDecoder().decode(stderr));
  const { came, again, left } = JSON.parse(new TextDecoder().decode(stdout));
  assert.ok(came >= 1_000, `${came} came back`);
  assert.equal(again, 0);
  // What waits for descriptors stays, for the interface: epoll instances, and what wakes them.
  assert.ok(left <= 4, `${left} left open`);
});
