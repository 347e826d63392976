import assert from "node:assert/strict";
import { AUTHORIZED_SERVICES } from "../../cmd/dnc/authorized_services.ts";
import { DNC_OPTIONS } from "../../cmd/dnc/options.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { configure } from "../../cmd/tool/configuration.ts";
import { ExitCode, ToolError } from "../../cmd/tool/exit_code.ts";

const DNC = {
  name: "dnc",
  options: DNC_OPTIONS,
  fileSettings: { authorized_services: AUTHORIZED_SERVICES },
};

/** What is reported of a file, its name left out. */
async function mistakesIn(content: string | Uint8Array): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/dnc.yaml`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  try {
    await Deno.writeFile(path, bytes, { mode: 0o600 });
    await configure(DNC, parseCommandLine(DNC_OPTIONS, ["-l", "-d", path]), () => undefined);
    return [];
  } catch (error) {
    assert.ok(error instanceof ToolError, Deno.inspect(error));
    assert.equal(error.exitCode, ExitCode.usage);
    const lines = error.message.split("\n");
    for (const line of lines) assert.ok(line.startsWith(`${path}:`), line);
    return lines.map((line) => line.slice(path.length + 1));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Files with one mistake each, and what is said about it. */
const MISTAKES: Record<string, [content: string | Uint8Array, ...reported: string[]]> = {
  "an unknown key": [
    "verbose: true\nbootstap: a\n",
    "2:1: there is no setting bootstap; did you mean bootstrap?",
  ],
  "an option that no file gives": [
    "listen: true\n",
    "1:1: there is no setting listen: only the command line has --listen",
  ],
  "an option whose key is another word": [
    "authority: ca.crt\n",
    "1:1: there is no setting authority; did you mean authorities?",
  ],
  "an option whose key says the opposite": [
    "no-upnp: true\n",
    "1:1: there is no setting no-upnp; did you mean enable_upnp, which says the opposite?",
  ],
  "text for a number": ["port: ssh\n", '1:7: port: expects a port from 1 to 65535, not "ssh"'],
  "a port out of range": [
    "ip: ::1\nport: 65536\n",
    '2:7: port: expects a port from 1 to 65535, not "65536"',
  ],
  "a word for a truth value": [
    "enable_upnp: yes\n",
    '1:14: enable_upnp: expects true or false, not "yes"',
  ],
  "a number for a truth value": ["anonymous: 1\n", "1:12: anonymous: expects true or false, not 1"],
  "a truth value for text": ["turn_user: true\n", "1:12: turn_user: expects text, not true"],
  "a list for one value": [
    "certificate: [a, b]\n",
    "1:14: certificate: expects one value, not a list",
  ],
  "fields for one value": ["port:\n  number: 1\n", "2:3: port: expects one value, not key: value"],
  "no value": ["privateKey:\n", "1:12: privateKey: has no value"],
  "empty text": ['turn_realm: ""\n', "1:13: turn_realm: needs a value that is not empty"],
  "an item that is no address": [
    "bootstrap:\n  - good:1\n  - bad:x\n",
    '3:5: bootstrap[2]: expects HOST or HOST:PORT, IPv6 in brackets, not "bad:x"',
  ],
  "a word that is no choice": [
    "transport: udp\n",
    '1:12: transport: expects one of auto, tcp, quic, not "udp"',
  ],
  "a time without sense": [
    "timeout: 10 parsecs\n",
    '1:10: timeout: expects a time from 1ms to 24h such as 500ms, 10s or 2m, not "10 parsecs"',
  ],
  "too verbose": ["verbose: 4\n", "1:10: verbose: expects true, false, or a number from 0 to 3"],
  "no id": [
    "ban:\n  - abc\n",
    '2:5: ban[1]: "abc" is not an id: an id has 64 hexadecimal characters',
  ],
  "a target among ids": [
    "allow: 127.0.0.1:22\n",
    '1:8: allow: "127.0.0.1:22" is not an id: an id has 64 hexadecimal characters',
  ],
  "a key twice": ["port: 1\nip: ::1\nport: 2\n", "3:1: port is already set in line 1"],
  "a key in both spellings": [
    "relay_only: true\nrelay-only: true\n",
    "2:1: relay-only is already set in line 1",
  ],
  "a service without its port": [
    "authorized_services:\n  - ip: 127.0.0.1\n",
    "2:5: authorized_services[1]: port is missing",
  ],
  "an unknown field of a service": [
    "authorized_services:\n  - ip: 127.0.0.1\n    prot: 22\n    port: 22\n",
    "3:5: authorized_services[1]: there is no setting prot; did you mean port?",
  ],
  "a field's value of a service": [
    "authorized_services:\n  - { ip: 127.0.0.1, port: 0 }\n",
    '2:28: authorized_services[1].port: expects a port from 1 to 65535, not "0"',
  ],
  "a service's user": [
    "authorized_services:\n  - { ip: ::1, port: 1, allow: [me] }\n",
    '2:33: authorized_services[1].allow[1]: "me" is not an id: an id has 64 hexadecimal characters',
  ],
  "a list that is not closed": [
    "bootstrap: [a,\nport: 1\n",
    "2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  "a quote that is not closed": ["turn_user: 'me\n", "2:1: not valid YAML: Missing closing 'quote"],
  "a tab": [
    "authorized_services:\n\t- ip: a\n",
    "2:1: not valid YAML: Tabs are not allowed as indentation",
  ],
  "an unknown tag": ["port: !port 1\n", "1:7: not valid YAML: Unresolved tag: !port"],
  "an alias of nothing": [
    "ip: *host\n",
    "1:5: nothing above is named &host",
    "1:5: ip: has no value",
  ],
  "two documents": [
    "port: 1\n---\nport: 2\n",
    "2:1: only one document is expected: take the line --- out",
  ],
  "a list instead of keys": ["- port: 1\n", "1:1: expects lines of the form key: value"],
  "no text": [new Uint8Array([0x69, 0x70, 0x3a, 0x0a, 0x20, 0xff]), "2:2: is not UTF-8 text"],
  "nesting that is deep": [
    `ip: ${"[".repeat(20)}${"]".repeat(20)}\n`,
    "1:5: ip: expects one value, not a list",
    "1:21: nested too deeply",
  ],
  "too large": [
    "#".repeat(64 * 1024 + 1),
    " is too large for a configuration file: 65536 bytes at most",
  ],
};

for (const [name, [content, ...reported]] of Object.entries(MISTAKES)) {
  Deno.test(`configuration: ${name}`, async () => {
    assert.deepEqual(await mistakesIn(content), reported);
  });
}

Deno.test("configuration: aliases that multiply are not followed for long", async () => {
  const lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
  for (let i = 1; i < 9; i++) {
    lines.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(",")}]`);
  }
  const mistakes = await mistakesIn(lines.join("\n"));
  assert.ok(mistakes.some((line) => line.includes("too many values")), mistakes.join("\n"));
});

Deno.test("configuration: a nesting without end is an error like others", async () => {
  const [mistake] = await mistakesIn(`ip: ${"[".repeat(30_000)}`);
  // The column depends on the stack.
  assert.match(mistake!, /^1:\d+: nested too deeply$/);
});

Deno.test("configuration: all mistakes of a file are reported, in its order", async () => {
  assert.deepEqual(await mistakesIn("port: 0\nbootstap: a\nanonymous: 3\nip: a\nip: b\n"), [
    '1:7: port: expects a port from 1 to 65535, not "0"',
    "2:1: there is no setting bootstap; did you mean bootstrap?",
    "3:12: anonymous: expects true or false, not 3",
    "5:1: ip is already set in line 4",
  ]);
});

Deno.test("configuration: a file that is not there, or is none", async () => {
  const read = (path: string) =>
    configure(DNC, parseCommandLine(DNC_OPTIONS, ["-d", path]), () => undefined);
  const directory = await Deno.makeTempDir();
  try {
    const missing = `${directory}/dnc.yaml`;
    await assert.rejects(read(missing), { exitCode: 2, message: `${missing}: no such file` });
    await assert.rejects(read(directory), { exitCode: 2, message: /is a directory/ });
    await Deno.writeTextFile(missing, "# nothing is set\n");
    assert.equal((await read(missing)).values.port, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
