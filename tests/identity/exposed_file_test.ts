import assert from "node:assert/strict";
import { isExposed } from "../../lib/identity/identity_file.ts";

Deno.test("a secret is exposed to others, and to the group of a file of ours", () => {
  const ours = Deno.uid();
  const theirs = (ours ?? 0) + 1;
  const cases: [mode: number, uid: number | null, exposed: boolean][] = [
    [0o600, ours, false],
    [0o400, ours, false],
    [0o640, ours, true],
    [0o610, ours, true],
    [0o604, ours, true],
    [0o602, ours, true],
    // What a service manager hands over: root's, and an access list, whose mask shows as the group.
    [0o440, theirs, false],
    [0o444, theirs, true],
  ];
  for (const [mode, uid, exposed] of cases) {
    assert.equal(isExposed({ mode: 0o100000 | mode, uid }), exposed, mode.toString(8));
  }
  assert.equal(isExposed({ mode: null, uid: null }), false);
});
