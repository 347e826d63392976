import assert from "node:assert/strict";
import { runToolProcess, toolWords } from "./tool_process.ts";

function inDirectory(
  name: string,
  test: (
    directory: string,
    dnc: (...args: string[]) => ReturnType<typeof runToolProcess>,
  ) => Promise<
    void
  >,
): void {
  Deno.test(`dnc: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    const env = { DHTNET_CONFIG_DIR: `${directory}/config` };
    try {
      await test(directory, (...args) => runToolProcess("dnc", args, env));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

inDirectory("wrong usage exits with 2 and points to the help", async (directory, dnc) => {
  const cases: [string[], RegExp][] = [
    [[], /give the ID of a peer, or -l/],
    [["--lisetn"], /unknown option --lisetn; did you mean --listen\?/],
    [["not-an-id"], /"not-an-id" is not an id: an id has 64 hexadecimal characters/],
    [["ab".repeat(32)], /abab is not the id of any device: .*is it mistyped\?/],
    [["-l", "--interface", "nope0"], /there is no nope0, but .*lo/],
    [["-l", "--transport", "udp"], /expects one of auto, tcp, quic/],
    [["-l", "-c", "x"], /-c needs the private key too/],
    [["--id", "-p", "x"], /-p needs the certificate too/],
  ];
  const results = await Promise.all(cases.map(([args]) => dnc(...args)));
  for (const [index, { code, stdout, stderr }] of results.entries()) {
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, cases[index]![1]);
    assert.match(stderr, /Try: dnc --help/);
  }
  assert.deepEqual([...Deno.readDirSync(directory)], [], "nothing was made");
});

inDirectory("help and version go to standard output", async (_directory, dnc) => {
  const [help, version, letter] = await Promise.all([dnc("-h"), dnc("--version"), dnc("-V")]);
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /Usage: dnc -l/);
  const lines = help.stdout.trimEnd().split("\n");
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.ok(lines.length <= 100, "two screens");
  assert.match(help.stdout, /--help network .*--relay-only/s);
  const [about, all] = await Promise.all(["network", "all"].map((topic) => dnc("--help", topic)));
  assert.match(about!.stdout, /^ {2}--relay-only +Connect over/m);
  assert.ok(all!.stdout.split("\n").length > about!.stdout.split("\n").length);
  // A line that has become long asks for help at its end.
  for (const word of ["ab".repeat(32), "constructor"]) {
    assert.deepEqual(await dnc(word, "-P", "22", "--help"), help, word);
  }
  assert.match(version.stdout, /^dnc \d+\.\d+\.\d+\n$/);
  assert.equal(letter.stdout, version.stdout);
});

Deno.test({
  name: "dnc: standard output that is full is told in a sentence",
  ignore: !isDevice("/dev/full"),
  async fn() {
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$0" "$@" > /dev/full', ...toolWords("dnc"), "--version"],
      env: { NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.match(said, /^dnc: cannot write to standard output: No space left on device[^\n]*\n$/);
    assert.equal(code, 1);
  },
});

/** A shell would make a file of that name where there is no such device. */
function isDevice(path: string): boolean {
  try {
    return Deno.statSync(path).isCharDevice === true;
  } catch {
    return false;
  }
}

inDirectory(
  "--control: where no directory can be, that is told in a sentence",
  async (directory) => {
    const file = `${directory}/file`;
    await Deno.writeTextFile(file, "");
    const id = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const cases: [string, RegExp][] = [
      ["auto", /^dnc: --control: no directory [^ ]+\/file\/dhtnet: [^\n]+\n$/],
      [`${file}/x.sock`, /^dnc: --control: no directory [^ ]+\/file\/: [^\n]+\n$/],
      [`${directory}/none/x.sock`, /^dnc: --control: no directory [^ ]+\/none\/: [^\n]+\n$/],
    ];
    for (const [control, message] of cases) {
      const env = { XDG_RUNTIME_DIR: file };
      const { code, stdout, stderr } = await runToolProcess("dnc", [id, "--control", control], env);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, message);
    }
  },
);

inDirectory("--id makes the identity once and shows it alone", async (directory, dnc) => {
  // Started at the same time, they have to agree.
  const results = await Promise.all([dnc("--id"), dnc("--id"), dnc("--id")]);
  const id = results[0].stdout;
  assert.match(id, /^[0-9a-f]{64}\n$/);
  for (const result of results) assert.deepEqual(result, { code: 0, stdout: id, stderr: "" });
  assert.equal((await Deno.stat(`${directory}/config`)).mode! & 0o777, 0o700);

  await Deno.chmod(`${directory}/config/certificate.pem`, 0o644);
  const refused = await dnc("--id");
  assert.deepEqual([refused.code, refused.stdout], [2, ""]);
  assert.match(refused.stderr, /^dnc: private key .*certificate\.pem .*chmod 600/);
});

inDirectory("--qr shows the id as a QR code", async (_directory, dnc) => {
  const { code, stdout, stderr } = await dnc("--qr");
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(`${lines.pop()}\n`, (await dnc("--id")).stdout);
  // Version 4 has 33 modules a side, and 4 of quiet zone on each (ISO/IEC 18004).
  assert.deepEqual(lines.map(({ length }) => length), Array(21).fill(41));
  // The finder patterns: in three corners, and not in the fourth.
  const corners = [[2, 4], [2, 30], [15, 4], [15, 30]] as const;
  const finders = corners.map(([line, column]) =>
    lines[line]!.slice(column, column + 7) === " ▄▄▄▄▄ " &&
    lines[line + 1]!.slice(column, column + 7) === " █   █ "
  );
  assert.deepEqual(finders, [true, true, true, false]);
});

inDirectory("-c and -p name another identity, which has to be sound", async (directory, dnc) => {
  const crtmgr = (...args: string[]) => runToolProcess("crtmgr", args);
  await crtmgr("-o", directory, "-n", "ca");
  const ca = ["-c", `${directory}/ca.crt`, "-p", `${directory}/ca.pem`];
  await crtmgr("-o", directory, "-n", "device", ...ca);
  const device = ["-c", `${directory}/device.crt`, "-p", `${directory}/device.pem`];
  const { stdout } = await dnc("--id", ...device);
  assert.equal(stdout, (await crtmgr("-a", ...device)).stdout);

  const authority = await dnc("--id", ...ca);
  assert.equal(authority.code, 2);
  assert.match(authority.stderr, /ca\.crt: .*may not be used to prove an identity/);
  const missing = await dnc("--id", "-c", `${directory}/none.crt`, "-p", `${directory}/ca.pem`);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /no such file: .*none\.crt/);
});
