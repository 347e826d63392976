import assert from "node:assert/strict";
import { DncProcess } from "../../cmd/demo/dnc_process.ts";

/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 60_000;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function finish(process: DncProcess, input: string): Promise<string> {
  const output = new Response(process.stdout).text();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return await output;
}

/** Ids of the processes that hold a control socket open for others. */
function mastersAt(path: string): number[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      return words.includes("--control-master") && words.includes(path) ? [Number(name)] : [];
    } catch {
      return []; // no process, or one that has just ended
    }
  });
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("dnc --control: one session for many, started and ended by itself", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/control.sock`;
  const processes: DncProcess[] = [];
  const start = async (...args: string[]) => {
    const words = [...args, "--interface", "lo"];
    const process = await DncProcess.start(`dnc ${args[0]!.slice(0, 8)}`, words);
    processes.push(process);
    return process;
  };
  const timer = setTimeout(
    () => processes.forEach((process) => process.kill("SIGKILL")),
    TIMEOUT_MS,
  );
  const target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (const one of target) one.readable.pipeTo(one.writable).catch(() => {});
  })();
  const { port } = target.addr;
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = String(gone.addr.port);
  gone.close();
  try {
    const server = await start(
      ...["-l", "--allow", `127.0.0.1:${port}`, "--allow", `127.0.0.1:${closed}`],
    );
    const id = await server.listening();
    const shared = (port: string, ...more: string[]) =>
      start(id, "-P", port, "--control", path, ...more);
    const hello = async (name: string) => {
      const process = await shared(String(port), "--control-persist", "1s");
      return [await finish(process, name), await process.exitCode(), process.log];
    };
    const answers = await Promise.all(["a", "b", "c", "d", "e"].map(hello));
    assert.deepEqual(answers, ["a", "b", "c", "d", "e"].map((name) => [name, 0, ""]));
    const [first, ...others] = mastersAt(path);
    assert.ok(first !== undefined);
    assert.deepEqual(others, [], "one starts it, the others wait for that");

    const refused = await shared("1");
    assert.equal(await finish(refused, ""), "");
    assert.equal(await refused.exitCode(), 3);
    assert.match(refused.log, /^dnc: .*127\.0\.0\.1:1 is not a target that this peer allows\n$/);
    const absent = await shared(closed);
    await finish(absent, "");
    assert.equal(await absent.exitCode(), 1);
    assert.match(absent.log, /connection refused by target/);

    // Killed within a transfer: its clients learn of it, and the next one starts another.
    const cut = await shared(String(port), "--control-persist", "1s");
    const writer = cut.stdin.getWriter();
    await writer.write(new TextEncoder().encode("x"));
    const reader = cut.stdout.getReader();
    assert.equal(text((await reader.read()).value!), "x");
    const [master] = mastersAt(path);
    Deno.kill(master!, "SIGKILL");
    assert.equal(await cut.exitCode(), 1);
    assert.equal(cut.log, "dnc: the dnc that held the connection has ended\n");
    reader.releaseLock();
    assert.ok((await Deno.lstat(path)).isSocket, "left behind");
    assert.deepEqual(await hello("again"), ["again", 0, ""]);

    // Forwarding goes through it, too.
    const forwarding = await start(id, "-L", `0:127.0.0.1:${port}`, "--control", path);
    const log = await forwarding.logUntil("leads to");
    const local = Number(/127\.0\.0\.1:(\d+) leads to/.exec(log)![1]);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: local });
    await connection.write(new TextEncoder().encode("through both"));
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer);
    assert.equal(text(buffer.subarray(0, count!)), "through both");
    assert.equal(mastersAt(path).length, 1);
    forwarding.kill("SIGINT");
    assert.equal(await forwarding.exitCode(), 130);

    await until("the master has ended", () => mastersAt(path).length === 0);
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  } catch (error) {
    for (const { name, log } of processes) console.error(`--- ${name}:\n${log}`);
    throw error;
  } finally {
    clearTimeout(timer);
    for (const pid of mastersAt(path)) Deno.kill(pid, "SIGKILL");
    await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
    target.close();
    await answering;
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dnc --control: a master that cannot start says why", async () => {
  const directory = await Deno.makeTempDir();
  const id = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  const args = [id, "--control", `${directory}/control.sock`, "--interface", "lo"];
  const cases: [string[], number, RegExp][] = [
    [["-c", `${directory}/none`, "-p", `${directory}/none`], 2, /^dnc: no such file: .*none\n$/],
    [
      ["--timeout", "500ms", "--control-persist", "1ms"],
      1,
      /^dnc: no (DHT node could be reached|answer from)/,
    ],
  ];
  for (const [more, code, message] of cases) {
    await using process = await DncProcess.start("dnc", [...args, ...more]);
    await process.stdout.cancel();
    assert.equal(await process.exitCode(), code, process.log);
    assert.match(process.log, message);
  }
  await until("no master is left", () => mastersAt(`${directory}/control.sock`).length === 0);
  // A directory that is meant for all, as /tmp, stays so.
  const remedies = [[0o777, "run: chmod go-w"], [0o1777, "put the socket where only you can"]];
  for (const [mode, remedy] of remedies as [number, string][]) {
    await Deno.chmod(directory, mode);
    await using open = await DncProcess.start("dnc", args);
    await open.stdout.cancel();
    assert.equal(await open.exitCode(), 2);
    assert.match(open.log, new RegExp(`--control: others can write to .*; ${remedy}`));
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test({
  name: "dnc --control: the master holds no lock and no pipe of whoever calls dnc",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const directory = await Deno.makeTempDir();
    const entry = `${directory}/master.ts`, lock = `${directory}/lock`, held = `${directory}/held`;
    await Deno.writeTextFile(
      entry,
      `const links = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
        try {
          return Deno.readLinkSync("/proc/self/fd/" + name);
        } catch {
          return "";
        }
      });
      Deno.writeTextFileSync("${held}", String(links.includes("${lock}")));
      console.log("here");`,
    );
    const module = new URL("../../cmd/dnc/control/start_master.ts", import.meta.url).href;
    const code = `import { startMaster } from "${module}"; await startMaster("${entry}", []);`;
    const words = [Deno.execPath(), "eval", "--ext=ts", code];
    const args = ["-c", 'exec 9>"$0"; exec "$@"', lock, ...words];
    const { success, stderr } = await new Deno.Command("sh", { args }).output();
    assert.ok(success, text(stderr));
    assert.equal(await Deno.readTextFile(held), "false");
    await Deno.remove(directory, { recursive: true });
  },
});
