import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("the package can be published: no slow types, nothing but library and tools in it", async () => {
  // In a network namespace of its own: a dry run needs nobody.
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--net", Deno.execPath(), "publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /warning/i);
  assert.match(said, /lib\/endpoint\/endpoint\.ts/);
  assert.doesNotMatch(said, /tests\//);
});
