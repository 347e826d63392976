import assert from "node:assert/strict";
import { Pty } from "../../lib/net/mod.ts";

const SIZE = { columns: 80, rows: 24 };

function ptyTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `pty: ${name}`, ignore: Deno.build.os !== "linux", fn: test });
}

/** Starts a shell with the terminal as its controlling one. */
function shell(pty: Pty, script: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", `exec setsid --ctty sh -c "$1" <>"$0" >&0 2>&0`, pty.path, script],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function readAll(pty: Pty): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  while (true) {
    const buffer = new Uint8Array(65_536);
    const count = await pty.read(buffer);
    if (count === null) return await new Response(new Blob(parts)).bytes();
    parts.push(buffer.subarray(0, count));
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Open descriptors of terminals: tests of other modules share this process, and have their own. */
const descriptors = () =>
  [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return /^\/dev\/(ptmx|pts)/.test(Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch {
      return false; // the directory's own, closed by now
    }
  }).length;

ptyTest(
  "a program has it as its terminal, with size, output to the last byte, status",
  async () => {
    using pty = Pty.open(SIZE);
    const child = shell(pty, "tty; stty size; printf '\\377\\000\\200'; exit 7");
    const output = readAll(pty);
    const { code } = await child.status;
    pty.release();
    const bytes = await output;
    assert.equal(code, 7);
    assert.equal(text(bytes.subarray(0, -3)), `${pty.path}\r\n24 80\r\n`);
    assert.deepEqual([...bytes.subarray(-3)], [0xff, 0, 0x80]);
  },
);

ptyTest("what was printed before the program ended is read after it", async () => {
  using pty = Pty.open(SIZE);
  const child = shell(pty, "stty -opost; head -c 3000 /dev/zero");
  await child.status;
  pty.release();
  assert.equal((await readAll(pty)).length, 3000);
});

ptyTest("a new size is told by SIGWINCH", async () => {
  using pty = Pty.open(SIZE);
  const child = shell(
    pty,
    "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done",
  );
  const buffer = new Uint8Array(100);
  assert.equal(text(buffer.subarray(0, (await pty.read(buffer))!)), "ready\r\n");
  pty.resize({ columns: 132, rows: 50 });
  assert.equal(text(buffer.subarray(0, (await pty.read(buffer))!)), "50 132\r\n");
  await child.status;
});

ptyTest("a megabyte that is typed arrives, however slowly it is read", async () => {
  using pty = Pty.open(SIZE);
  const child = shell(pty, "stty raw -echo; echo ready; sleep 0.2; head -c 1048576 | cksum");
  const ready = new Uint8Array(16);
  await pty.read(ready);
  const output = readAll(pty);
  const bytes = new Uint8Array(1 << 20).map((_, index) => index * 7 >> 3);
  for (let at = 0; at < bytes.length;) at += await pty.write(bytes.subarray(at));
  await child.status;
  pty.release();
  const sum = new Deno.Command("cksum", { stdin: "piped", stdout: "piped" }).spawn();
  const writer = sum.stdin.getWriter();
  const expected = sum.output();
  await writer.write(bytes);
  await writer.close();
  assert.equal(text(await output).trim(), text((await expected).stdout).trim());
});

ptyTest("Ctrl-C that is typed interrupts", async () => {
  using pty = Pty.open(SIZE);
  const child = shell(pty, "stty -echo; echo ready; exec sleep 60");
  await pty.read(new Uint8Array(16));
  await pty.write(new Uint8Array([3]));
  assert.equal((await child.status).signal, "SIGINT");
});

ptyTest("closing hangs up, ends what waits, and leaves no descriptor", async () => {
  Pty.open(SIZE).close();
  const before = descriptors();
  for (let count = 0; count < 20; count++) {
    const pty = Pty.open(SIZE);
    const child = shell(pty, "echo ready; exec sleep 60");
    await pty.read(new Uint8Array(16));
    const reading = pty.read(new Uint8Array(16));
    pty.close();
    pty.close();
    assert.equal(await reading, null);
    assert.equal((await child.status).signal, "SIGHUP");
    assert.equal(await pty.read(new Uint8Array(16)), null);
    assert.equal(await pty.write(new Uint8Array(16)), 0);
  }
  assert.equal(descriptors(), before);
});

ptyTest("keys that are typed one by one come back whole and in order", async () => {
  using pty = Pty.open(SIZE);
  // What the program says and what the terminal echoes are both read at once and from the stream.
  const child = shell(pty, "stty raw -echo; printf ready; exec cat");
  const buffer = new Uint8Array(4096);
  let shown = "";
  const until = async (length: number) => {
    while (shown.length < length) {
      shown += text(buffer.subarray(0, (await pty.read(buffer))!));
    }
  };
  await until("ready".length);
  const keys = Array.from({ length: 600 }, (_, index) => String.fromCharCode(0x21 + index % 90));
  for (const [index, key] of keys.entries()) {
    await pty.write(new TextEncoder().encode(key));
    if (index % 7 === 0) await until("ready".length + index + 1);
    // Typed after a pause, its echo is waited for on the spot.
    if (index % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await until("ready".length + keys.length);
  assert.equal(shown, `ready${keys.join("")}`);
  pty.close();
  await child.status;
});

ptyTest("programs that do not read hold up nothing else, however many they are", async () => {
  const ptys = Array.from({ length: 40 }, () => Pty.open(SIZE));
  const line = new Uint8Array(4096).fill("\n".charCodeAt(0));
  let taken = 0;
  const typing = ptys.map(async (pty) => {
    for (let count = 1; count > 0; taken += count) count = await pty.write(line);
  });
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("held up"), 5_000);
  // The system makes room a little later than it takes the first lines.
  for (let before = -1; before < taken;) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const other = crypto.subtle.digest("SHA-256", line).then(() => "done");
  const outcome = await Promise.race([other, late.promise]);
  for (const pty of ptys) pty.close();
  await Promise.all(typing);
  clearTimeout(timer);
  assert.equal(outcome, "done");
});

ptyTest("typing ends when there is no program any more", async () => {
  using pty = Pty.open(SIZE);
  const child = shell(pty, "stty raw -echo; echo ready; exec sleep 60");
  await pty.read(new Uint8Array(16));
  pty.release();
  const bytes = new Uint8Array(65_536);
  while (pty.writeNow(bytes) > 0);
  const typing = (async () => {
    while (await pty.write(bytes) > 0);
    return "ended";
  })();
  child.kill("SIGKILL");
  await child.status;
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("goes on"), 5_000);
  assert.equal(await Promise.race([typing, late.promise]), "ended");
  clearTimeout(timer);
});
