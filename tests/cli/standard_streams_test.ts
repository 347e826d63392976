import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { LIBC_PATHS } from "../../lib/net/system_libc.ts";

const BYTES = 3_000_001;
const [PUMP, STREAMS] = ["pump", "standard_streams"].map((name) =>
  JSON.stringify(new URL(`../../cmd/peer/${name}.ts`, import.meta.url).href)
);
const CODE = `import { pump } from ${PUMP};
import { STANDARD_STREAMS } from ${STREAMS};
await pump(STANDARD_STREAMS.input, STANDARD_STREAMS.output, () => {});`;
const MODULE = `data:application/typescript,${encodeURIComponent(CODE)}`;

/** Carries standard input to standard output in a process of its own, as a shell line has them. */
async function carry(line: string, ...permissions: string[]) {
  const command = [Deno.execPath(), "run", "--no-prompt", "--allow-read", ...permissions, MODULE];
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", line, "sh", ...command],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, errors: new TextDecoder().decode(stderr) };
}

const rights: Record<string, readonly string[]> = {
  "that may call libc": [`--allow-ffi=${LIBC_PATHS.join()}`],
  "that may not": [],
};
for (const [who, permissions] of Object.entries(rights)) {
  Deno.test({
    name: `standard streams: files and pipes are carried whole by a process ${who}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const directory = await Deno.makeTempDir();
      const [from, to] = [`${directory}/from`, `${directory}/to`];
      const bytes = new Uint8Array(BYTES);
      for (let at = 0; at < BYTES; at += 65_536) {
        crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      }
      await Deno.writeFile(from, bytes);
      const digest = createHash("sha256").update(bytes).digest("hex");
      for (const line of [`"$@" < ${from} > ${to}`, `cat ${from} | "$@" | cat > ${to}`]) {
        assert.deepEqual(await carry(line, ...permissions), { code: 0, errors: "" }, line);
        const copy = await Deno.readFile(to);
        assert.equal(createHash("sha256").update(copy).digest("hex"), digest, line);
      }
      await carry(`echo first > ${to}; "$@" < ${from} >> ${to}`, ...permissions);
      assert.equal((await Deno.stat(to)).size, BYTES + "first\n".length);
      await Deno.remove(directory, { recursive: true });
    },
  });

  Deno.test({
    name: `standard streams: a full disk is told by a process ${who}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const { code, errors } = await carry('"$@" < /dev/zero > /dev/full', ...permissions);
      assert.equal(code, 1);
      assert.match(errors, /cannot write to standard output: No space left on device/);
    },
  });
}
