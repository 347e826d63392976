import assert from "node:assert/strict";
import type { TransferRequest } from "../../cmd/dsh/transfer/protocol/transfer_request.ts";
import { transferLine } from "../../cmd/dsh/transfer/server/transfer_audit.ts";

/** The line of a transfer that was asked for in that way. */
function lineOf(request: TransferRequest, isInto?: boolean): string {
  const outcome = { files: 2, bytes: 30, failures: 1, problem: undefined, isInto };
  const since = new Date(1_000_000);
  const entry = { peer: "f00", name: "n\n", user: "ann", request, since, outcome };
  return transferLine(entry, new Date(1_002_500));
}

Deno.test("dsh files: a line of the log is one line, whatever the path", () => {
  assert.equal(
    lineOf({ direction: "put", path: 'a\n"\x1b', name: "else" }),
    'transfer of f00 ("n\\n"), as "ann", put "a\\n\\"\\u001b", from 1970-01-01T00:16:40.000Z ' +
      "for 2.5 s, carried 2 files, 30 bytes, 1 failed, complete",
  );
});

Deno.test("dsh files: the log says what was put where, whatever its name", () => {
  const put = (path: string, name: string | undefined, isInto?: boolean) =>
    / put (.*), from /.exec(lineOf({ direction: "put", path, name }, isInto))![1];
  assert.equal(put(".", "three"), '"three"');
  assert.equal(put("", "three"), '"three"');
  assert.equal(put("sub/", "three"), '"sub/three"');
  assert.equal(put("..", "three"), '"../three"');
  assert.equal(put("sub/", 'a, put "b"\n\u202e'), '"sub/a, put \\"b\\"\\n\\u202e"');
  assert.equal(put("other", "three"), '"other"');
  assert.equal(put("sub", "three", true), '"sub/three"', "a directory that was there");
  assert.equal(put(".", undefined), '"."');
  assert.match(lineOf({ direction: "get", path: "./", name: "three" }), /, get "\.\/", /);
});
