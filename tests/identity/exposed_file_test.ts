import assert from "node:assert/strict";
import { isExposed } from "../../lib/identity/identity_file.ts";

const ROOT = 0, US = 1000, SOMEBODY = 1001;

Deno.test("a secret is exposed to others, and to a group unless root hands it over", () => {
  const cases: [mode: number, owner: number, reader: number, exposed: boolean][] = [
    [0o600, US, US, false],
    [0o400, US, US, false],
    [0o640, US, US, true],
    [0o610, US, US, true],
    [0o604, US, US, true],
    [0o602, US, US, true],
    [0o440, ROOT, US, false],
    [0o444, ROOT, US, true],
    [0o440, ROOT, ROOT, true],
    [0o440, SOMEBODY, US, true],
    [0o640, US, ROOT, true],
    [0o600, US, ROOT, false],
  ];
  for (const [mode, uid, reader, exposed] of cases) {
    const name = `${mode.toString(8)} of ${uid} read by ${reader}`;
    assert.equal(isExposed({ mode: 0o100000 | mode, uid }, reader), exposed, name);
  }
  assert.equal(isExposed({ mode: null, uid: null }, null), false);
});
