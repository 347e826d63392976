import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatId, generateSecretKey, publicKeyOf } from "../../lib/identity/mod.ts";
import { DncProcess } from "../../cmd/demo/dnc_process.ts";

/** What keeps everything on this machine, and the processes of this test run to themselves. */
const LOOPBACK = ["--interface", "lo"];
/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 60_000;

/** A test with `dnc` processes, all of which are gone at its end. */
function dncTest(
  name: string,
  test: (start: (...args: string[]) => Promise<DncProcess>) => Promise<void>,
): void {
  Deno.test(`dnc over loopback: ${name}`, async () => {
    const processes: DncProcess[] = [];
    const timer = setTimeout(
      () => processes.forEach((process) => process.kill("SIGKILL")),
      TIMEOUT_MS,
    );
    try {
      await test(async (...args) => {
        const process = await DncProcess.start(`dnc ${args[0]!.slice(0, 8)}`, [
          ...args,
          ...LOOPBACK,
        ]);
        processes.push(process);
        return process;
      });
    } catch (error) {
      for (const { name, log } of processes) console.error(`--- ${name}:\n${log}`);
      throw error;
    } finally {
      clearTimeout(timer);
      await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
    }
  });
}

async function write(process: DncProcess, bytes: string | Uint8Array): Promise<void> {
  const writer = process.stdin.getWriter();
  const encoded = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  await writer.write(new Uint8Array(encoded));
  writer.releaseLock();
}

async function finish(process: DncProcess, bytes: string | Uint8Array = ""): Promise<Uint8Array> {
  const [output] = await Promise.all([
    new Response(process.stdout).bytes(),
    (async () => {
      await write(process, bytes);
      await process.stdin.close();
    })(),
  ]);
  return output;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

for (const transport of ["auto", "tcp", "quic"]) {
  dncTest(`bytes arrive both ways, transport ${transport}`, async (start) => {
    const listener = await start("-l", "--transport", transport);
    const dialler = await start(await listener.listening(), "--transport", transport);
    const [forth, back] = [random(3_000_001), random(2_000_003)];
    const [there, here] = await Promise.all([finish(listener, back), finish(dialler, forth)]);
    assert.deepEqual(await Promise.all([listener.exitCode(), dialler.exitCode()]), [0, 0]);
    assert.ok(equal(there, forth));
    assert.ok(equal(here, back));
    assert.equal(dialler.log, "", "a client is quiet");
  });
}

dncTest("the answer to a request that has ended arrives", async (start) => {
  const listener = await start("-l");
  const dialler = await start(await listener.listening());
  const answer = finish(dialler, "request");
  const reader = listener.stdout.getReader();
  assert.equal(text((await reader.read()).value!), "request");
  await write(listener, "answer");
  await listener.stdin.close();
  assert.equal(text(await answer), "answer");
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(await Promise.all([listener.exitCode(), dialler.exitCode()]), [0, 0]);
});

dncTest("the command that the listener shows works as it is", async (start) => {
  const listener = await start("-l");
  const id = await listener.listening();
  const command = /on the other side run:\n {2}(.*)\n/.exec(
    await listener.logUntil("run:\n  "),
  )![1]!;
  assert.ok(command.includes(id));
  const directory = await Deno.makeTempDir();
  const shell = new Deno.Command("sh", {
    args: ["-c", `printf hello | ${command.replace(/^deno/, `'${Deno.execPath()}'`)}`],
    env: { DHTNET_CONFIG_DIR: directory },
    cwd: "/",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  assert.equal(text(await finish(listener, "hi")), "hello");
  const { code, stdout, stderr } = await shell;
  assert.deepEqual([code, text(stdout)], [0, "hi"], text(stderr));
  await Deno.remove(directory, { recursive: true });
});

dncTest("targets: allowed, refused and not there", async (start) => {
  const target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(target.addr.port);
  const closed = String(gone.addr.port);
  gone.close();
  const answering = (async () => {
    for await (const connection of target) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const server = await start(
    ...["-l", "--allow", `127.0.0.1:${port}`, "--allow", `127.0.0.1:${closed}`],
  );
  const id = await server.listening();
  const echoes = await Promise.all([1, 2, 3].map(async (n) => {
    const dialler = await start(id, "-i", "127.0.0.1", "-P", port);
    const answer = text(await finish(dialler, `hello ${n}`));
    return [await dialler.exitCode(), answer];
  }));
  assert.deepEqual(echoes, [1, 2, 3].map((n) => [0, `hello ${n}`]));

  const refused = await start(id, "-P", "1");
  assert.equal(text(await finish(refused)), "");
  assert.equal(await refused.exitCode(), 3);
  assert.match(refused.log, /^dnc: .*127\.0\.0\.1:1 is not a target that this peer allows\n$/);

  const absent = await start(id, "-P", closed);
  await finish(absent);
  assert.equal(await absent.exitCode(), 1);
  assert.match(absent.log, /connection refused by target 127\.0\.0\.1:\d+\n$/);

  server.kill("SIGTERM");
  assert.equal(await server.exitCode(), 143);
  target.close();
  await answering;
});

// Over TCP, where the system tells the death of a process at once.
dncTest("a peer that is killed while transferring: exit code 1", async (start) => {
  const listener = await start("-l", "--transport", "tcp");
  const dialler = await start(await listener.listening());
  await write(dialler, "begun");
  const reader = listener.stdout.getReader();
  assert.equal(text((await reader.read()).value!), "begun");
  listener.kill("SIGKILL");
  assert.equal(await dialler.exitCode(), 1);
  assert.match(dialler.log, /^dnc: .*\n$/);
  assert.doesNotMatch(dialler.log, /unexpected/);
  reader.releaseLock();
});

dncTest("SIGINT ends both sides in order, with 130 and 1", async (start) => {
  const listener = await start("-l");
  const dialler = await start(await listener.listening());
  await write(dialler, "begun");
  const reader = listener.stdout.getReader();
  assert.equal(text((await reader.read()).value!), "begun");
  dialler.kill("SIGINT");
  assert.equal(await dialler.exitCode(), 130);
  assert.equal(await listener.exitCode(), 1);
  assert.match(listener.log, /the peer aborted the connection/);
  reader.releaseLock();
});

dncTest(
  "an id that nobody has: exit code 1 within the time-out, with what was tried",
  async (start) => {
    const nobody = formatId(publicKeyOf(generateSecretKey()));
    const dialler = await start(nobody, "--timeout", "1s", "--no-discovery", "-b", "127.0.0.1:9");
    assert.equal(await dialler.exitCode(), 1);
    assert.match(
      dialler.log,
      /^dnc: no DHT node could be reached: 127\.0\.0\.1:9 did not answer.*\n$/,
    );
  },
);

dncTest("a full standard output: exit code 1, and the error names it", async (start) => {
  const listener = await start("-l");
  const id = await listener.listening();
  const directory = await Deno.makeTempDir();
  const shell = new Deno.Command("sh", {
    args: [
      "-c",
      `'${Deno.execPath()}' run -A --unstable-net cmd/dnc.ts ${id} --interface lo >/dev/full`,
    ],
    env: { DHTNET_CONFIG_DIR: directory },
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  await write(listener, "data");
  const { code, stderr } = await shell;
  assert.equal(code, 1);
  assert.match(text(stderr), /^dnc: cannot write to standard output: No space left on device/);
  assert.equal(await listener.exitCode(), 1);
  await Deno.remove(directory, { recursive: true });
});

dncTest("a reader of standard output that has gone is a quiet end", async (start) => {
  const listener = await start("-l");
  const dialler = await start(await listener.listening());
  // More than all buffers on the way hold.
  const sending = write(listener, new Uint8Array(100_000_000)).catch(() => {});
  const reader = dialler.stdout.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(await dialler.exitCode(), 0);
  assert.equal(dialler.log, "");
  assert.equal(await listener.exitCode(), 1);
  assert.match(listener.log, /the peer stopped reading before everything was sent/);
  await sending;
});

dncTest("SIGINT while waiting: 130, and while serving", async (start) => {
  for (const args of [["-l"], ["-l", "--allow", "127.0.0.1:1"]]) {
    const listener = await start(...args);
    await listener.listening();
    listener.kill("SIGINT");
    assert.equal(await listener.exitCode(), 130);
  }
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
