import assert from "node:assert/strict";
import { Fifo, LIBC_PATHS } from "../../lib/net/fifo.ts";

const LINUX = Deno.build.os === "linux";
const BYTES = 600 << 10;

/** Runs this file's `part` in a process whose standard input and output are pipes. */
function inProcess(part: string): Deno.ChildProcess {
  const module = new URL("../../lib/net/fifo.ts", import.meta.url);
  const code = `import { Fifo } from ${JSON.stringify(module.href)};${part}`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-read`,
      `--allow-ffi=${LIBC_PATHS.join()}`,
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
    stdin: "piped",
    stdout: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

Deno.test({
  name: "fifo: reads what waits, and never waits; more room than the 64 KiB of a new pipe",
  ignore: !LINUX,
  async fn() {
    const child = inProcess(`
      const fifo = Fifo.behind(0, "read")!;
      const into = new Uint8Array(1 << 20);
      console.log(fifo.read(into));
      let count = 0, largest = 0;
      for (let tries = 0; count < ${BYTES} && tries < 500; tries++) {
        const more = fifo.read(into);
        count += more;
        largest = Math.max(largest, more);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(count, fifo.read(into), largest > 64 << 10);`);
    const stdout = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.deepEqual((await stdout.read()).value, "0\n");
    const stdin = child.stdin.getWriter();
    await stdin.write(new Uint8Array(BYTES));
    assert.deepEqual((await stdout.read()).value, `${BYTES} 0 true\n`);
    await stdin.close();
    assert.equal((await stdout.read()).done, true);
    assert.equal((await child.status).code, 0);
  },
});

Deno.test({
  name: "fifo: writes as far as there is room, in order with what the runtime writes",
  ignore: !LINUX,
  async fn() {
    const child = inProcess(`
      const fifo = Fifo.behind(1, "write")!;
      const bytes = Uint8Array.from({ length: 4 << 20 }, (_, index) => index % 251);
      let at = 0, zeros = 0;
      while (at < bytes.length) {
        let taken = fifo.write(bytes.subarray(at));
        if (taken === 0) { zeros++; taken = await Deno.stdout.write(bytes.subarray(at)); }
        at += taken;
      }
      if (zeros === 0) Deno.exit(7);`);
    const { code, stdout } = await child.output();
    assert.equal(code, 0, "a pipe that nobody reads is full some time");
    assert.equal(stdout.length, 4 << 20);
    assert.ok(stdout.every((byte, index) => byte === index % 251));
  },
});

Deno.test("fifo: a file and a closed descriptor are none", () => {
  using file = Deno.openSync(new URL(import.meta.url));
  assert.equal(Fifo.behind(99_999, "read"), undefined);
  assert.ok(file);
  assert.equal(
    new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--ext=ts",
        `import { Fifo } from ${
          JSON.stringify(new URL("../../lib/net/fifo.ts", import.meta.url).href)
        };
       Deno.exit(Fifo.behind(0, "read") === undefined ? 0 : 1);`,
      ],
      stdin: "null",
    }).outputSync().code,
    0,
  );
});
