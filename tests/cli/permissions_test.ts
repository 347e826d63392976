import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PROGRAMS, RUNTIME_FLAGS } from "../../cmd/dist/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 30_000;

Deno.test("README names the permissions of each tool", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const flagsOf = (row: RegExp) => readme.match(row)![0].match(/--allow-\w+/g)!;
  const crtmgr = flagsOf(/^\| `crtmgr` +\| `--allow-.*$/m);
  const all = flagsOf(/^\| `dsh`, `dvpn` +\| `--allow-.*$/m);
  const named: Record<string, string[]> = {
    crtmgr,
    // "These, and …".
    dnc: [...crtmgr, ...flagsOf(/^\| `dnc` +\| these, .*$/m)],
    dsh: all,
    dvpn: all,
  };
  for (const { name, permissions } of PROGRAMS) {
    const flags = permissions.map((flag) => flag.split("=")[0]!);
    assert.deepEqual(named[name]!.toSorted(), flags.toSorted(), name);
  }
});

Deno.test("dnc calls without the right to run programs and libraries; --control says what it lacks", async () => {
  const directory = await Deno.makeTempDir();
  const { entry, permissions } = PROGRAMS.find(({ name }) => name === "dnc")!;
  const fewer = permissions.filter((flag) => !/^--allow-(run|ffi)/.test(flag));
  const start = (home: string, ...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", ...RUNTIME_FLAGS, ...fewer, `${ROOT}${entry}`, ...args, "--interface", "lo"],
      env: { DHTNET_CONFIG_DIR: `${directory}/${home}`, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).spawn();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  try {
    const listener = start("a", "-l");
    const said = listener.stderr.pipeThrough(new TextDecoderStream());
    let log = "";
    for await (const part of said) {
      log += part;
      if (/listening, id [0-9a-f]{64}/.test(log)) break;
    }
    const id = /listening, id ([0-9a-f]{64})/.exec(log)![1]!;
    const shared = await start("b", id, "--control", "auto").output();
    assert.equal(shared.code, 1);
    assert.match(text(shared.stderr), /cannot start the dnc that is to hold .*--allow-run/);
    const caller = await start("b", id).output();
    assert.equal(caller.code, 0, text(caller.stderr));
    assert.equal((await listener.status).code, 0);
    await listener.stdout.cancel();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
