import assert from "node:assert/strict";
import { DNC_OPTIONS } from "../../cmd/dnc/options.ts";
import { turnServers } from "../../cmd/peer/turn_account.ts";
import { configure } from "../../cmd/tool/configuration.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { formatId, generateSecretKey, publicKeyOf } from "../../lib/identity/mod.ts";
import { runToolProcess } from "./tool_process.ts";

const NO_ENVIRONMENT = () => undefined;
const servers = async (
  args: readonly string[],
  environment: (name: string) => string | undefined,
) => {
  const line = parseCommandLine(DNC_OPTIONS, args);
  const { values } = await configure({ name: "dnc", options: DNC_OPTIONS }, line, environment);
  return await turnServers(values);
};

Deno.test("-t takes hosts, ports and URIs", async () => {
  const cases: [string, { host: string; port?: number; transport?: string }][] = [
    ["turn.example", { host: "turn.example" }],
    ["turn.example:3479", { host: "turn.example", port: 3479 }],
    ["192.0.2.1:3479", { host: "192.0.2.1", port: 3479 }],
    ["2001:db8::1", { host: "2001:db8::1" }],
    ["[2001:db8::1]:1", { host: "2001:db8::1", port: 1 }],
    ["turn:1", { host: "turn", port: 1 }],
    ["turn:turn.example:1?transport=tcp", { host: "turn.example", port: 1, transport: "tcp" }],
    ["turns:turn.example", { host: "turn.example", transport: "tls" }],
    ["turns:443", { host: "turns", port: 443 }],
  ];
  for (const [text, server] of cases) {
    assert.deepEqual(await servers(["-t", text], NO_ENVIRONMENT), [server], text);
  }
  for (const text of ["", "a b", "turn:", "turns:h?transport=udp", "https://h", "h:0", "u@h"]) {
    assert.throws(
      () => parseCommandLine(DNC_OPTIONS, ["-t", text]),
      /^ToolError: -t: expects /,
      text,
    );
  }
});

Deno.test("the account: command line before environment, a file that others cannot read", async () => {
  const environment = (name: string) => name === "DHTNET_TURN_PASS" ? "from variable" : undefined;
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/password`;
    await Deno.writeTextFile(file, "from file\nsecond line\n", { mode: 0o600 });
    const account = ["-t", "a.example", "-t", "b.example", "-u", "me"];
    const password = async (...args: string[]) => {
      const found = await servers([...account, ...args], environment);
      assert.deepEqual(found.map(({ host }) => host), ["a.example", "b.example"]);
      assert.deepEqual(found[0]!.credentials, found[1]!.credentials);
      assert.equal(found[0]!.credentials!.username, "me");
      return found[0]!.credentials!.password;
    };
    assert.equal(await password(), "from variable");
    assert.equal(await password("-w", "from argument"), "from argument");
    assert.equal(await password("--turn-pass-file", file), "from file");
    await assert.rejects(password("-w", "x", "--turn-pass-file", file), /give one of them/);

    await Deno.chmod(file, 0o640);
    await assert.rejects(password("--turn-pass-file", file), { exitCode: 2, message: /chmod 600/ });
    for (const content of ["", "\nx", "x".repeat(1027)]) {
      const path = `${directory}/unusable`;
      await Deno.writeTextFile(path, content, { mode: 0o600 });
      await assert.rejects(password("--turn-pass-file", path), { exitCode: 2 });
    }
    await assert.rejects(password("--turn-pass-file", `${file}2`), { message: /no such file/ });
    for (const mode of [0o700, 0o755]) {
      await Deno.chmod(directory, mode);
      await assert.rejects(password("--turn-pass-file", directory), {
        ...{ name: "ToolError", exitCode: 2 },
        message: /^[^:]+: is a directory/i,
      });
    }
    await assert.rejects(password("--turn-pass-file", "/dev/null"), {
      ...{ exitCode: 2, message: "/dev/null: is no regular file" },
    });
    const pipe = `${directory}/pipe`;
    await new Deno.Command("mkfifo", { args: ["-m", "600", pipe] }).output();
    const [read] = await Promise.all([
      password("--turn-pass-file", pipe),
      Deno.writeTextFile(pipe, "from pipe\n"),
    ]);
    assert.equal(read, "from pipe");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an account needs its server, its user and its password; a realm is kept", async () => {
  const none = (...args: string[]) => servers(args, NO_ENVIRONMENT);
  await assert.rejects(none("-u", "me", "-w", "x"), /-u needs a TURN server/);
  await assert.rejects(none("--relay-only"), /--relay-only needs a TURN server/);
  await assert.rejects(none("-t", "h", "-w", "x"), /-w needs the user/);
  await assert.rejects(none("-t", "h", "-r", "x"), /-r needs the user/);
  await assert.rejects(none("-t", "h", "-u", "me"), /-u needs the password too: set DHTNET_TURN/);
  assert.deepEqual(await none("-t", "h", "-u", "me", "-w", "x", "-r", "realm"), [
    { host: "h", credentials: { username: "me", password: "x", realm: "realm" } },
  ]);
  assert.deepEqual(await none(), []);
  assert.deepEqual(await none("-t", "h", "--relay-only"), [{ host: "h" }]);
});

Deno.test("a password on the command line brings a warning", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const args = [
      formatId(publicKeyOf(generateSecretKey())),
      "--interface",
      "lo",
      "--no-discovery",
      "--timeout",
      "10ms",
    ];
    const account = ["-t", "127.0.0.1:9", "-u", "me", "-w", "secret"];
    const env = { DHTNET_CONFIG_DIR: directory };
    const [loud, quiet] = await Promise.all([
      runToolProcess("dnc", [...args, ...account], env),
      runToolProcess("dnc", [...args, ...account, "-q"], env),
    ]);
    assert.match(loud.stderr, /warning: .*process list; set DHTNET_TURN_PASS/);
    assert.doesNotMatch(loud.stderr + quiet.stderr, /warning[^]*warning|secret/);
    assert.doesNotMatch(quiet.stderr, /warning/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--turn-ca: certificates for all relays, or an error that names the file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/ca.pem`;
    const pem = "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n";
    await Deno.writeTextFile(file, pem);
    const named = ["-t", "turns:a.example", "-t", "b.example", "--turn-ca", file];
    for (const { caCertificates } of await servers(named, NO_ENVIRONMENT)) {
      assert.deepEqual(caCertificates, [pem]);
    }
    await Deno.writeTextFile(file, "no certificate");
    const refused = (...args: string[]) => servers(args, NO_ENVIRONMENT);
    await assert.rejects(refused(...named), { exitCode: 2, message: /ca\.pem: .*no certificate/ });
    await Deno.remove(file);
    await assert.rejects(refused(...named), { exitCode: 2, message: /ca\.pem: no such file/ });
    await assert.rejects(refused("--turn-ca", file), /--turn-ca needs a TURN server/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
