import assert from "node:assert/strict";
import { Pty } from "../../lib/net/mod.ts";
import { TerminalOutput } from "../../lib/net/terminal_output.ts";

/** A descriptor of this process that leads to a path. */
function descriptorOf(path: string): number {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === path) return Number(name);
    } catch {
      continue; // the directory's own, closed by now
    }
  }
  throw new Error(`${path} is not open`);
}

Deno.test({
  name:
    "terminal output: written on the spot; what a full terminal does not take is not waited for",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using pty = Pty.open({ columns: 80, rows: 24 });
    using output = TerminalOutput.open(descriptorOf(pty.path))!;
    assert.equal(output.tryWrite(new TextEncoder().encode("hello")), 5);
    const buffer = new Uint8Array(4096);
    const count = await pty.read(buffer);
    assert.equal(new TextDecoder().decode(buffer.subarray(0, count!)), "hello");
    let taken = 1;
    for (let piece = 0; piece < 1_000 && taken > 0; piece++) {
      taken = output.tryWrite(new Uint8Array(1024).fill(0x78));
    }
    assert.equal(taken, 0, "nobody reads it");
    output[Symbol.dispose]();
    assert.equal(output.tryWrite(new Uint8Array(1)), 0);
  },
});

Deno.test({
  name: "terminal output: there is none for what is no terminal",
  ignore: Deno.build.os !== "linux",
  fn() {
    const path = Deno.makeTempFileSync();
    using _file = Deno.openSync(path);
    assert.equal(TerminalOutput.open(descriptorOf(path)), undefined);
    assert.equal(TerminalOutput.open(99_999), undefined);
    Deno.removeSync(path);
  },
});
