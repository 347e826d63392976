import assert from "node:assert/strict";
import fc from "fast-check";
import { Credit } from "../../cmd/dsh/client/credit.ts";
import { EscapeFilter } from "../../cmd/dsh/client/escape_filter.ts";
import { LocalTerminal } from "../../cmd/dsh/client/local_terminal.ts";
import { sessionRequest } from "../../cmd/dsh/client/session_request_of.ts";
import { signalExitCode } from "../../cmd/dsh/client/session_signals.ts";
import { auditLine } from "../../cmd/dsh/server/audit.ts";
import { FrameBatch } from "../../cmd/dsh/protocol/frame_batch.ts";
import { decide } from "../../cmd/dsh/server/policy.ts";
import { Scrollback } from "../../cmd/dsh/server/scrollback.ts";
import {
  ACCEPTED_VARIABLES,
  sessionEnvironment,
} from "../../cmd/dsh/server/session_environment.ts";
import { DSH_OPTIONS } from "../../cmd/dsh/options.ts";
import { readEnvironment } from "../../cmd/tool/settings.ts";
import { HEADER_BYTES } from "../../cmd/dsh/protocol/frame.ts";

const ACCOUNT = { name: "ann", uid: 1000, gid: 1000, home: "/home/ann", shell: "/bin/bash" };
const OPEN = { binary: undefined, forcedCommand: undefined, allowedCommands: undefined };
const SHELL = { command: undefined, binary: undefined };
const encode = (text: string) => new TextEncoder().encode(text);

/** What is sent, with actions in angle brackets, when a text is typed in the given pieces. */
function typed(...pieces: string[]): string {
  const filter = new EscapeFilter();
  let shown = "";
  for (const piece of pieces) {
    for (const { bytes, action } of filter.filter(encode(piece))) {
      shown += new TextDecoder().decode(bytes) + (action === undefined ? "" : `<${action}>`);
    }
  }
  return shown;
}

Deno.test("dsh escapes: after a new line only, and at the beginning", () => {
  assert.equal(typed("~."), "<disconnect>");
  assert.equal(typed("ls\r~."), "ls\r<disconnect>");
  assert.equal(typed("ls\n~?x"), "ls\n<help>x");
  assert.equal(typed("x~."), "x~.");
  assert.equal(typed("\r~d\r~\x1a"), "\r<detach>\r<suspend>");
  assert.equal(typed("~?~."), "<help><disconnect>");
});

Deno.test("dsh escapes: not in what is pasted, however its marks are cut", () => {
  const pasted = "\x1b[200~x\n~.\r~~\r\x1b[201~";
  assert.equal(typed(pasted), pasted);
  assert.equal(typed(...pasted), pasted);
  assert.equal(typed(`${pasted}~.`), `${pasted}~.`, "no line has begun");
  assert.equal(typed(`${pasted}\r~.`), `${pasted}\r<disconnect>`);
  assert.equal(typed("~", pasted), `~${pasted}`);
  assert.equal(typed("\x1b[20;200~\r~."), "\x1b[20;200~\r<disconnect>");
  assert.equal(typed("\x1b[21~\r~."), "\x1b[21~\r<disconnect>");
  assert.equal(typed("\x1b[201~\r~."), "\x1b[201~\r<disconnect>");
});

Deno.test("dsh escapes: other tildes are sent, once", () => {
  assert.equal(typed("~~."), "~.");
  assert.equal(typed("~x~."), "~x~.");
  assert.equal(typed("cd ~/\r~/x\r"), "cd ~/\r~/x\r");
  assert.equal(typed("~\r~."), "~\r<disconnect>");
  assert.equal(typed("~~~"), "~~");
});

Deno.test("dsh escapes: however the keys arrive", () => {
  const text = fc.string({ unit: fc.constantFrom("~", ".", "a", "\r", "?", "d"), maxLength: 20 });
  fc.assert(fc.property(text, (text) => {
    assert.equal(typed(...text), typed(text));
  }));
});

Deno.test("dsh policy: the login shell and what it runs, where nothing else is said", () => {
  assert.deepEqual(decide(OPEN, SHELL, ACCOUNT), {
    program: ["/bin/bash", "-l"],
    description: "login shell",
    originalCommand: undefined,
  });
  const run = decide(OPEN, { ...SHELL, command: "a | b" }, ACCOUNT);
  assert.deepEqual("program" in run && run.program, ["/bin/bash", "-c", "a | b"]);
  const odd = decide(OPEN, SHELL, { ...ACCOUNT, shell: "/usr/sbin/nologin" });
  assert.deepEqual("program" in odd && odd.program, ["/usr/sbin/nologin"]);
});

Deno.test("dsh policy: what peers name is not run where a binary or a list is given", () => {
  const binary = { ...OPEN, binary: "/usr/bin/top" };
  const run = decide(binary, SHELL, ACCOUNT);
  assert.deepEqual("program" in run && run.program, ["/usr/bin/top"]);
  for (const same of ["top", "/usr/bin/top"]) {
    assert.ok("program" in decide(binary, { ...SHELL, binary: same }, ACCOUNT));
  }
  for (const other of ["bash", "/tmp/top", "/usr/bin/top -x"]) {
    assert.ok("refusal" in decide(binary, { ...SHELL, binary: other }, ACCOUNT), other);
    assert.ok("refusal" in decide(binary, { ...SHELL, command: other }, ACCOUNT), other);
  }
  const listed = { ...OPEN, allowedCommands: ["df -h"] };
  const allowed = decide(listed, { ...SHELL, command: "df -h" }, ACCOUNT);
  assert.deepEqual("program" in allowed && allowed.program, ["/bin/bash", "-c", "df -h"]);
  for (const command of ["df", "df -h ", "df -h; id", "df  -h"]) {
    assert.ok("refusal" in decide(listed, { ...SHELL, command }, ACCOUNT), command);
  }
  assert.ok("refusal" in decide(listed, SHELL, ACCOUNT), "a shell is not on the list");
  const emptied = { ...OPEN, allowedCommands: [] };
  assert.ok("refusal" in decide(emptied, { ...SHELL, command: "df -h" }, ACCOUNT));
  assert.ok("refusal" in decide(emptied, SHELL, ACCOUNT), "nothing is on the list");
});

Deno.test("dsh policy: a forced command runs whatever is asked for", () => {
  const forced = { binary: "x", forcedCommand: "backup", allowedCommands: ["id"] };
  for (const command of [undefined, "id", "rm -r /"]) {
    assert.deepEqual(decide(forced, { ...SHELL, command }, ACCOUNT), {
      program: ["/bin/bash", "-c", "backup"],
      description: "backup",
      originalCommand: command,
    });
  }
});

Deno.test("dsh policy: a variable names commands and people as they are, blanks and commas included", () => {
  const variables: Record<string, string> = {
    DHTNET_ALLOWED_COMMANDS: "rm -rf /x, df\nls",
    DHTNET_USERS: "Ann Smith, MD=ann\nguest",
  };
  const given = readEnvironment(DSH_OPTIONS, (name) => variables[name]);
  assert.deepEqual(given.get("allow-command")?.value, ["rm -rf /x, df", "ls"]);
  assert.deepEqual(given.get("user")?.value, [
    { peer: "Ann Smith, MD", user: "ann" },
    { peer: undefined, user: "guest" },
  ]);
});

Deno.test("dsh environment: what the peer may set, and what makes loaders run its code not", () => {
  const environment = [
    ...["LANG", "LC_TIME", "EDITOR", "LD_PRELOAD", "PATH", "BASH_ENV", "DSH_PEER", "GIT_DIR"],
  ].map((name) => [name, "evil"] as const);
  const terminal = { columns: 80, rows: 24, type: "screen" };
  const facts = { peerId: "f00", originalCommand: "x" };
  const of = (accepted: readonly string[]) =>
    sessionEnvironment({ environment, terminal }, ACCOUNT, accepted, facts);
  const usual = of(ACCEPTED_VARIABLES);
  assert.deepEqual(Object.fromEntries(usual.variables), {
    LANG: "evil",
    LC_TIME: "evil",
    HOME: "/home/ann",
    USER: "ann",
    LOGNAME: "ann",
    SHELL: "/bin/bash",
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
    DSH_PEER: "f00",
    DSH_ORIGINAL_COMMAND: "x",
    TERM: "screen",
  });
  assert.deepEqual(usual.ignored, environment.map(([name]) => name).slice(2));
  assert.deepEqual(of(["*"]).ignored, ["LD_PRELOAD", "PATH", "BASH_ENV", "DSH_PEER"]);
  assert.deepEqual(of(["GIT_*", "EDITOR"]).ignored.length, 6);
});

Deno.test("dsh request: variables that are named come first, locale unasked, others not", () => {
  const wish = { ...SHELL, kept: undefined, size: { columns: 80, rows: 24 } };
  const variables = [
    { name: "A", value: "1" },
    { name: "B", value: undefined },
    { name: "C", value: undefined },
    { name: "LANG", value: "C" },
  ];
  const environment = { B: "2", LANG: "de", LC_ALL: "fr", SECRET: "x", TERM: "foot" };
  const request = sessionRequest({ ...wish, variables }, environment);
  assert.deepEqual(request.environment, [["A", "1"], ["B", "2"], ["LANG", "C"], ["LC_ALL", "fr"]]);
  assert.equal(request.terminal?.type, "foot");
  const odd = sessionRequest({ ...wish, variables }, { TERM: "a;b" });
  assert.equal(odd.terminal?.type, "xterm");
});

Deno.test("dsh scrollback: the last bytes, in order", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 50 }),
    fc.array(fc.uint8Array({ maxLength: 120 })),
    (capacity, pieces) => {
      const scrollback = new Scrollback(capacity);
      for (const piece of pieces) scrollback.append(piece);
      const all = pieces.flatMap((piece) => [...piece]);
      assert.deepEqual([...scrollback.bytes()], all.slice(-capacity));
    },
  ));
});

Deno.test("dsh batch: what comes while a frame is sent travels in the next one, in order", async () => {
  const frames: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const batch = new FrameBatch(async (buffer, length) => {
    frames.push(new TextDecoder().decode(buffer.subarray(HEADER_BYTES, HEADER_BYTES + length)));
    await gates[frames.length - 1]?.promise;
  });
  await batch.add(encode("a"));
  await batch.add(encode("b"));
  await batch.add(encode("c"));
  assert.deepEqual(frames, ["a"]);
  gates[0]!.resolve();
  gates[1]!.resolve();
  await batch.flush();
  await batch.add(encode("d"));
  await batch.flush();
  assert.deepEqual(frames, ["a", "bc", "d"]);
});

Deno.test("dsh credit: taken as far as it goes, then waited for", async () => {
  const credit = new Credit(10);
  assert.equal(await credit.take(4), 4);
  assert.equal(await credit.take(100), 6);
  const waiting = credit.take(100);
  credit.add(3);
  assert.equal(await waiting, 3);
});

Deno.test("dsh audit: one line, whatever the peer wrote into it", () => {
  const line = auditLine({
    peer: "f00",
    name: "x\n\x1b[2J\u202e",
    user: "ann",
    command: "echo\nfake line",
    terminal: true,
    since: new Date(0),
    end: { signal: "SIGHUP" },
    sent: 1,
    received: 2,
  }, new Date(1500));
  assert.match(line, /^[\x20-\x7e]+$/);
  assert.equal(
    line,
    'session of f00 ("x\\n\\u001b[2J\\u202e"), as "ann", at a terminal: "echo\\nfake line", ' +
      "from 1970-01-01T00:00:00.000Z for 1.5 s, sent 1 bytes, received 2, ended by SIGHUP",
  );
});

Deno.test("dsh terminal: the alternate screen is left only where a program is on it", () => {
  const resetAfter = (...outputs: string[]) => {
    const terminal = new LocalTerminal();
    for (const output of outputs) terminal.observe(encode(output));
    return new TextDecoder().decode(terminal.resetSequence);
  };
  const leaves = (sequence: string) => sequence.includes("\x1b[?1049l");
  assert.equal(resetAfter(), "");
  assert.ok(!leaves(resetAfter("text")));
  assert.ok(leaves(resetAfter("x\x1b[?1049hvim", "more")));
  assert.ok(!leaves(resetAfter("\x1b[?1049hvim", "bye\x1b[?1049l$ ")));
});

Deno.test("dsh exit codes of signals are those of shells", () => {
  assert.equal(signalExitCode("SIGTERM"), 143);
  assert.equal(signalExitCode("SIGKILL"), 137);
  assert.equal(signalExitCode("SIGNEW"), 128);
});
