/** What is shown of an error when no more files can be opened; in a process of its own, with `prlimit`. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const SCRIPT = `
import { getLogger } from "@logtape/logtape";
import { configureLogging } from ${
  JSON.stringify(import.meta.resolve("../../cmd/tool/logging.ts"))
};
await configureLogging(1);
const { success } = new Deno.Command("prlimit", {
  args: ["--pid", String(Deno.pid), "--nofile=5:20000"],
}).outputSync();
if (!success) Deno.exit(9);
let cause;
try {
  Deno.openSync("/etc/passwd");
} catch (error) {
  cause = error;
}
getLogger(["dhtnet", "test"]).info("nothing: {error}", { error: new Error("no file", { cause }) });
`;

Deno.test("an error can be logged while no file can be opened", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/script.ts`, SCRIPT);
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--cached-only", "--config", config, `${directory}/script.ts`],
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 0, text);
    assert.match(
      text,
      /info dhtnet\.test: nothing: Error: no file, because of .*: Too many open files/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
