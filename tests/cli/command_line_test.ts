import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { type Argument, splitArguments } from "../../cmd/tool/arguments.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { configDirectory } from "../../cmd/tool/config_directory.ts";
import { ToolError, UsageError } from "../../cmd/tool/exit_code.ts";
import { renderHelp } from "../../cmd/tool/help.ts";
import { choice, count, duration, flag, list, port, single, text } from "../../cmd/tool/option.ts";
import { formatBytes } from "../../cmd/tool/output.ts";

const TABLE = {
  listen: flag("l", "Wait."),
  bootstrap: list("b", "HOST", text, "Where to start."),
  port: single("P", "PORT", port, "Port."),
  timeout: single("", "TIME", duration, "How long."),
  transport: single("", "KIND", choice("auto", "tcp"), "Which transport."),
  verbose: count("v", "More."),
  "no-discovery": flag("", "No discovery."),
};
const parse = (...args: string[]) => parseCommandLine(TABLE, args);

Deno.test("options: letters, bundles, long names, values apart or joined, repeated", () => {
  const { values, positionals } = parse(
    ...["-lvv", "-b", "a", "-bc", "--bootstrap=d", "--verbose", "-P", "22", "ID", "--", "-x"],
  );
  assert.deepEqual(
    { values, positionals },
    {
      values: {
        listen: true,
        bootstrap: ["a", "c", "d"],
        port: 22,
        timeout: undefined,
        transport: undefined,
        verbose: 3,
        "no-discovery": false,
      },
      positionals: ["ID", "-x"],
    },
  );
  assert.equal(parse("-P", "1", "-P", "2").values.port, 2, "the last one counts");
  assert.deepEqual(parse("-").positionals, ["-"]);
});

Deno.test("options: command lines are split as Node does it", () => {
  const options = {
    listen: { type: "boolean", short: "l" },
    port: { type: "string", short: "P" },
    "no-discovery": { type: "boolean" },
  } as const;
  const withValue = ["port", "P"];
  const words = ["-l", "-P", "--port", "--listen", "-lP", "-lP22", "-P22", "--port=22", "--port="]
    .concat("--no-discovery", "--listen=x", "-", "--", "x", "", "-lx", "--nonsense", "-P=1", "-ll");
  fc.assert(fc.property(fc.array(fc.constantFrom(...words), { maxLength: 6 }), (args) => {
    const { tokens } = parseArgs({
      ...{ args, options, strict: false, tokens: true, allowPositionals: true },
    });
    const expected = tokens.flatMap((token): Argument[] => {
      if (token.kind === "option-terminator") return [];
      if (token.kind === "positional") return [{ kind: token.kind, value: token.value }];
      const { kind, rawName, value, inlineValue } = token;
      const name = rawName.replace(/^--?/, "");
      return [{ kind, written: rawName, name, value, inline: inlineValue === true }];
    });
    assert.deepEqual([...splitArguments(args, (name) => withValue.includes(name))], expected);
  }));
});

Deno.test("options: what is wrong is named, with what is expected", () => {
  const cases: [string[], RegExp][] = [
    [["--listne"], /^unknown option --listne; did you mean --listen\?$/],
    [["--no-disc"], /did you mean --no-discovery/],
    [["--frobnicate"], /^unknown option --frobnicate$/],
    [["-x"], /^unknown option -x$/],
    [["--l"], /^unknown option --l$/],
    [["-lx"], /^unknown option -x$/],
    [["--listen=yes"], /^--listen takes no value$/],
    [["-b"], /^-b needs a value: -b HOST$/],
    [["-b", "-l"], /^-b needs a value/],
    [["-b", ""], /^-b: needs a value that is not empty$/],
    [["-P", "0"], /^-P: expects a port from 1 to 65535, not "0"$/],
    [["-P", "65536"], /^-P: expects/],
    [["--port=1e3"], /^--port: expects/],
    [["--transport", "udp"], /^--transport: expects one of auto, tcp, not "udp"$/],
    [["--timeout", "10 s"], /^--timeout: expects a time/],
    [["--timeout=-1"], /^--timeout: expects a time/],
    [["--timeout", "0"], /^--timeout: expects a time/],
    [["--timeout", "25h"], /^--timeout: expects a time/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parse(...args), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return error.exitCode === 2;
    });
  }
});

Deno.test("durations have the suffixes of ncat", () => {
  assert.deepEqual(
    ["250ms", "10", "10s", "1.5s", "2m", "1h"].map(duration),
    [250, 10_000, 10_000, 1_500, 120_000, 3_600_000],
  );
});

Deno.test("help lists every option, wrapped to 80 columns", () => {
  const help = renderHelp({
    name: "tool",
    summary: "does things",
    usage: ["[options] ID", "-l"],
    options: { ...TABLE, long: flag("", "word ".repeat(40).trim()) },
    notes: "\nThe end.",
  });
  for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(help, /^tool: does things\n\nUsage: tool \[options\] ID\n {7}tool -l\n/);
  assert.match(help, /\n {2}-P, --port PORT +Port\.\n/);
  assert.match(help, /\n {2}--no-discovery +No discovery\.\n/);
});

Deno.test("the configuration directory follows DHTNET_CONFIG_DIR, XDG_CONFIG_HOME and HOME", () => {
  const directory = (environment: Record<string, string>) =>
    configDirectory((name) => environment[name]);
  assert.equal(
    directory({ DHTNET_CONFIG_DIR: "/a", XDG_CONFIG_HOME: "/b", HOME: "/c" }),
    "/a",
  );
  assert.equal(directory({ XDG_CONFIG_HOME: "/b", HOME: "/c" }), "/b/dhtnet");
  assert.equal(directory({ XDG_CONFIG_HOME: "relative", HOME: "/c" }), "/c/.config/dhtnet");
  assert.equal(directory({ DHTNET_CONFIG_DIR: "", HOME: "/c" }), "/c/.config/dhtnet");
  assert.throws(() => directory({}), ToolError);
});

Deno.test("byte counts read well", () => {
  assert.deepEqual([0, 1023, 1536, 3 * 2 ** 30].map(formatBytes), [
    "0 bytes",
    "1023 bytes",
    "1.5 KiB",
    "3.0 GiB",
  ]);
});
