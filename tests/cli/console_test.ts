import assert from "node:assert/strict";
import { lineConsole } from "../../cmd/tool/console.ts";
import { Questions } from "../../cmd/crtmgr/wizard/questions.ts";

/** A terminal at which somebody types; `undefined` is the end of input. */
function terminal(typed: readonly string[], { interactive = true, colored = false } = {}) {
  const chunks = typed.map((text) => new TextEncoder().encode(text));
  const modes: boolean[] = [];
  let shown = "";
  const source = {
    isTerminal: () => interactive,
    setRaw: (raw: boolean) => void modes.push(raw),
    read(buffer: Uint8Array): Promise<number | null> {
      const chunk = chunks.shift();
      if (chunk === undefined) return Promise.resolve(null);
      buffer.set(chunk);
      return Promise.resolve(chunk.length);
    },
  };
  const write = (text: string) => void (shown += text);
  return { console: lineConsole(source, write, colored), modes, shown: () => shown };
}

Deno.test("console: lines come one by one, however they arrive", async () => {
  const { console } = terminal(["on", "e\r\ntwo\n", "\nlast"]);
  for (const line of ["one", "two", "", "last", undefined, undefined]) {
    assert.equal(await console.readLine(), line);
  }
});

Deno.test("console: a secret is read key by key, unseen, and can be corrected", async () => {
  const cases: [string, string | undefined][] = [
    ["pass\r", "pass"],
    ["pä\x7fass\n", "pass"],
    ["wrong\x15right\r", "right"],
    ["\x7f\x08ok\r", "ok"],
    ["half\x04", "half"],
    ["\x04", undefined],
    ["", undefined],
  ];
  for (const [keys, secret] of cases) {
    const { console, modes, shown } = terminal(keys === "" ? [] : [...keys]);
    assert.equal(await console.readSecret(), secret, JSON.stringify(keys));
    assert.deepEqual([modes, shown()], [[true, false], "\n"]);
  }
});

Deno.test("console: Ctrl-C at a secret leaves the terminal as it was", async () => {
  const { console, modes } = terminal(["se\x03"]);
  await assert.rejects(console.readSecret(), { exitCode: 130 });
  assert.deepEqual(modes, [true, false]);
});

Deno.test("console: from a pipe a secret is a line, and never shown", async () => {
  const { console, modes, shown } = terminal(["secret\n"], { interactive: false });
  assert.equal(await new Questions(console).secret("Password"), "secret");
  assert.deepEqual([modes, shown()], [[], "Password: \n"]);
});

Deno.test("questions: the default is shown and taken; colours only where they are wanted", async () => {
  for (const colored of [false, true]) {
    const { console, shown } = terminal(["\n"], { colored });
    const questions = new Questions(console);
    assert.equal(await questions.ask("Name", "me", (answer) => answer), "me");
    assert.equal(shown(), colored ? "\x1b[1mName\x1b[0m [me]: " : "Name [me]: ");
  }
});
