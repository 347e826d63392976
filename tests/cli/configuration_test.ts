import assert from "node:assert/strict";
import { parseYaml } from "../../lib/config/mod.ts";
import { scalar } from "../../lib/config/schema.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { configure } from "../../cmd/tool/configuration.ts";
import { readSettings } from "../../cmd/tool/configuration_file.ts";
import { configurationPlaces } from "../../cmd/tool/configuration_places.ts";
import { printedConfiguration } from "../../cmd/tool/printed_configuration.ts";
import { UsageError } from "../../cmd/tool/exit_code.ts";
import { isWritten } from "../../cmd/tool/given.ts";
import { count, duration, flag, list, port, setting, single, text } from "../../cmd/tool/option.ts";

const TOOL = {
  name: "tool",
  options: {
    bootstrap: setting(list("b", "HOST", text, "Where to start.")),
    port: setting(single("P", "PORT", port, "Port.")),
    timeout: setting(single("", "TIME", duration, "How long.")),
    verbose: setting(count("v", "More.")),
    "relay-only": setting(flag("", "Relays.")),
    "no-upnp": setting(flag("", "No mapping."), { key: "enable_upnp", opposite: true }),
    certificate: setting(single("c", "FILE", text, "Certificate."), { file: true }),
    "allow-command": setting(list("", "COMMAND", text, "Commands."), {
      key: "allowed_commands",
      lines: true,
    }),
    pass: setting(single("w", "PASS", text, "Password."), {
      secret: true,
      instead: ["pass-file"],
    }),
    "pass-file": setting(single("", "FILE", text, "Password's file."), {
      file: true,
      instead: ["pass"],
    }),
    listen: flag("l", "Only the command line says so."),
    configuration: single("d", "FILE", text, "Settings."),
  },
  fileSettings: {
    motto: { description: "A word.", schema: scalar((word) => word), initial: "none" },
  },
};

/** Completes a command line with a file and an environment. */
async function configured(
  args: readonly string[],
  { file, mode = 0o600, environment = {} }: {
    file?: string;
    mode?: number;
    environment?: Record<string, string>;
  },
) {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/tool.yaml`;
    if (file !== undefined) await Deno.writeTextFile(path, file, { mode });
    const line = parseCommandLine(TOOL.options, args);
    const tool = { ...TOOL, defaultFiles: () => [`${directory}/none.yaml`, path] };
    const command = await configure(tool, line, (name) => environment[name]);
    const printed = await printedConfiguration(tool, command);
    return { directory, printed: printed.replaceAll(directory, "DIR"), ...command };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("settings: the command line before the environment before the file", async () => {
  const file = "bootstrap: [f1, f2]\nport: 1\ntimeout: 1s\nverbose: true\nmotto: hello\n";
  const environment = { DHTNET_BOOTSTRAP: "e1, e2 e3", DHTNET_PORT: "2", DHTNET_VERBOSE: "" };
  const { values, settings, given } = await configured(["-b", "c"], { file, environment });
  assert.deepEqual(
    [values.bootstrap, values.port, values.timeout, values.verbose, settings.motto],
    [["c"], 2, 1000, 1, "hello"],
  );
  assert.deepEqual(["bootstrap", "port", "timeout"].map((name) => isWritten(given, name)), [
    true,
    false,
    false,
  ]);
  const alone = await configured(["-P", "9"], {});
  assert.deepEqual([alone.values.port, alone.settings.motto, alone.file], [9, "none", undefined]);
});

Deno.test("settings: what the file switches on, the command line switches off", async () => {
  const file = "relay_only: true\nenable_upnp: false\n";
  const asItIs = await configured([], { file });
  assert.deepEqual([asItIs.values["relay-only"], asItIs.values["no-upnp"]], [true, true]);
  const taken = await configured(["--no-relay-only", "--upnp"], { file });
  assert.deepEqual([taken.values["relay-only"], taken.values["no-upnp"]], [false, false]);
  const environment = { DHTNET_RELAY_ONLY: "off", DHTNET_ENABLE_UPNP: "yes" };
  const varied = await configured([], { file, environment });
  assert.deepEqual([varied.values["relay-only"], varied.values["no-upnp"]], [false, false]);
  const numbers = await configured([], { file: "relay-only: true\nverbose: 2\n" });
  assert.deepEqual([numbers.values["relay-only"], numbers.values.verbose], [true, 2]);
});

Deno.test("settings: two ways to say the same: the stronger source counts", async () => {
  const environment = { DHTNET_PASS: "from variable" };
  const variable = await configured([], { file: "pass_file: p\n", environment });
  assert.deepEqual([variable.values.pass, variable.values["pass-file"]], [
    "from variable",
    undefined,
  ]);
  const option = await configured(["--pass-file", "p"], { file: "pass: x\n", environment });
  assert.deepEqual([option.values.pass, option.values["pass-file"]], [undefined, "p"]);
  // Which of two in one place counts is for the tool to say.
  const both = await configured([], { file: "pass: x\npass_file: /p\n" });
  assert.deepEqual([both.values.pass, both.values["pass-file"]], ["x", "/p"]);
});

Deno.test("settings: text stays as it is written; names of files begin at the file", async () => {
  const of = async (file: string) => (await configured([], { file })).values;
  assert.equal((await of("pass: 0123\n")).pass, "0123");
  assert.equal((await of('pass: "true"\n')).pass, "true");
  assert.equal((await of("port: '22'\n")).port, 22);
  assert.deepEqual((await of("bootstrap: one\n")).bootstrap, ["one"]);
  const { values, directory } = await configured([], { file: "certificate: a/b.crt\n" });
  assert.equal(values.certificate, `${directory}/a/b.crt`);
  assert.equal((await of("certificate: /a\n")).certificate, "/a");
  assert.equal((await of("certificate: ~/a\n")).certificate, `${Deno.env.get("HOME")}/a`);
});

Deno.test("settings: a variable without a word counts as none, whatever its kind", async () => {
  const file = "bootstrap: [f1]\nport: 1\nverbose: 2\nrelay_only: true\nallowed_commands: [df]\n";
  const names = ["BOOTSTRAP", "PORT", "VERBOSE", "RELAY_ONLY", "ALLOWED_COMMANDS"];
  const listed = (text: string) => ({ DHTNET_BOOTSTRAP: text });
  const all = (text: string) => Object.fromEntries(names.map((name) => [`DHTNET_${name}`, text]));
  for (const environment of [all(""), all(" "), all(" \t\n"), listed(","), listed(" ,, ")]) {
    const { given } = await configured([], { file, environment });
    assert.deepEqual([...given.values()].map(({ value }) => value), [["f1"], 1, 2, true, ["df"]]);
    assert.ok([...given.values()].every(({ origin }) => origin.source === "file"));
  }
});

Deno.test("settings: values that may hold blanks stand on lines of their own in a variable", async () => {
  const of = async (text: string) => {
    const environment = { DHTNET_ALLOWED_COMMANDS: text };
    return (await configured([], { environment })).values["allow-command"];
  };
  assert.deepEqual(await of("rm -rf /x, df"), ["rm -rf /x, df"]);
  assert.deepEqual(await of("\n  df -h\r\n\n  ls a,b \n"), ["df -h", "ls a,b"]);
});

Deno.test("settings: a variable that makes no sense is named", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ DHTNET_PORT: "x" }, /^DHTNET_PORT: expects a port/],
    [{ DHTNET_RELAY_ONLY: "maybe" }, /^DHTNET_RELAY_ONLY: expects true or false, not "maybe"/],
    [{ DHTNET_VERBOSE: "9" }, /^DHTNET_VERBOSE: expects a number from 0 to 3/],
  ];
  for (const [environment, message] of cases) {
    await assert.rejects(configured([], { environment }), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("settings: shown with their sources, secrets masked, and readable again", async () => {
  const file = "port: 22\npass: secret\nmotto: hi\ncertificate: c\n";
  const environment = { DHTNET_RELAY_ONLY: "true" };
  const { printed } = await configured(["--timeout", "90s", "-b", "x", "-b", "y"], {
    file,
    environment,
  });
  assert.equal(
    printed,
    `# tool, configuration file: DIR/tool.yaml
bootstrap:  # -b on the command line
  - x
  - y
port: 22  # DIR/tool.yaml:1
timeout: 90s  # --timeout on the command line
# verbose: 0  # default
relay_only: true  # DHTNET_RELAY_ONLY
# enable_upnp: true  # default
certificate: DIR/c  # DIR/tool.yaml:4
# allowed_commands: []  # default
pass: "********"  # DIR/tool.yaml:2
# pass_file:  # default
motto: hi  # DIR/tool.yaml:3
`,
  );
  await parseYaml("printed", printed);
});

Deno.test("settings: what nobody gave is shown as a comment, so that it is not given by that", async () => {
  const { printed } = await configured(["--timeout", "9s"], {});
  assert.match(printed, /^# bootstrap: \[\] {2}# default$/m);
  // An empty list that is given may mean something else than none.
  const { given } = await configured([], { file: printed });
  assert.deepEqual([...given.keys()], ["timeout"]);
});

Deno.test("settings: a number is shown as it is written, since that is what counts", async () => {
  for (const text of ["0123", "1e3", "0x10", "010", "1.50", "123456789012345678901", "+7"]) {
    const { values, printed } = await configured([], { file: `bootstrap: [${text}]\n` });
    assert.deepEqual(values.bootstrap, [text]);
    assert.equal((await configured([], { file: printed })).values.bootstrap[0], text, printed);
  }
  assert.match((await configured([], { file: "port: 22\n" })).printed, /^port: 22 {2}#/m);
});

Deno.test("settings: a count is shown as a file may say it, however often the option is there", async () => {
  const { printed } = await configured(["-vvvv", "-v"], {});
  assert.match(printed, /^verbose: 3 {2}# -v on the command line$/m);
  assert.equal((await configured([], { file: printed })).values.verbose, 3);
});

Deno.test("settings: a secret that others can read brings a warning, and is not shown", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/tool.yaml`;
    await Deno.writeTextFile(path, "port: 1\npass: sesame\n", { mode: 0o644 });
    const { warnings } = await readSettings(TOOL, path);
    assert.deepEqual(warnings, [`${path}:2: others can read pass; run: chmod 600 ${path}`]);
    await Deno.chmod(path, 0o600);
    assert.deepEqual((await readSettings(TOOL, path)).warnings, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("settings: a listener of this machine has a place in /etc, others have not", () => {
  const home = (name: string) => ({ HOME: "/home/me" })[name];
  assert.deepEqual(configurationPlaces("dnc", false, home), [
    "/home/me/.dnc/config.yml",
    "/home/me/.config/dhtnet/dnc.yaml",
  ]);
  assert.deepEqual(configurationPlaces("dsh", true, home), [
    "/home/me/.config/dhtnet/dsh.yaml",
    "/etc/dhtnet/dsh.yaml",
  ]);
  const xdg = (name: string) => ({ HOME: "/home/me", XDG_CONFIG_HOME: "/x" })[name];
  assert.deepEqual(configurationPlaces("dsh", false, xdg), ["/x/dhtnet/dsh.yaml"]);
  const own = (name: string) => ({ HOME: "/home/me", DHTNET_CONFIG_DIR: "/own" })[name];
  assert.deepEqual(configurationPlaces("dnc", true, own), ["/own/dnc.yaml"]);
  assert.deepEqual(configurationPlaces("dnc", true, () => undefined), ["/etc/dhtnet/dnc.yaml"]);
});
