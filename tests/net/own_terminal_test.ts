import assert from "node:assert/strict";
import { Pty } from "../../lib/net/mod.ts";
import { TerminalInput, TerminalOutput } from "../../lib/net/own_terminal.ts";

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

Deno.test({
  name: "terminal input: nothing is taken before the first read; closing ends one that waits",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using pty = Pty.open({ columns: 80, rows: 24 });
    const descriptor = descriptorOf(pty.path);
    TerminalInput.open(descriptor)![Symbol.dispose]();
    using input = TerminalInput.open(descriptor)!;
    await pty.write(new TextEncoder().encode("one\n"));
    using other = TerminalInput.open(descriptor)!;
    const buffer = new Uint8Array(3);
    assert.equal(await other.read(buffer), 3);
    assert.equal(new TextDecoder().decode(buffer), "one");
    assert.equal(await other.read(buffer), 1, "what the buffer had no room for");
    other[Symbol.dispose]();
    const waiting = input.read(buffer);
    await pty.write(new TextEncoder().encode("y\n"));
    assert.equal(await waiting, 2);
    const last = input.read(buffer);
    input[Symbol.dispose]();
    assert.equal(await last, null);
    assert.equal(await input.read(buffer), null);
  },
});

Deno.test({
  name: "terminal input: whoever else has the terminal still waits for it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using pty = Pty.open({ columns: 80, rows: 24 });
    const descriptor = descriptorOf(pty.path);
    const flags = () =>
      /^flags:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`))![1];
    const before = flags();
    using input = TerminalInput.open(descriptor)!;
    const reading = input.read(new Uint8Array(8));
    await pty.write(new TextEncoder().encode("x\n"));
    await reading;
    assert.equal(flags(), before);
  },
});
