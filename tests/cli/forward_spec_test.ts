import assert from "node:assert/strict";
import {
  parseDynamicForward,
  parseListenTarget,
  parseLocalForward,
  parseRemoteForward,
} from "../../cmd/dnc/forward/forward_spec.ts";
import { formatService, parseService } from "../../cmd/dnc/service/service.ts";
import { UsageError } from "../../cmd/tool/exit_code.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });
const unix = (path: string) => ({ kind: "unix", path });

Deno.test("-L is written as for ssh", () => {
  const cases: [string, unknown, unknown][] = [
    ["8080:127.0.0.1:80", tcp("127.0.0.1", 8080), tcp("127.0.0.1", 80)],
    ["0:localhost:80", tcp("127.0.0.1", 0), tcp("localhost", 80)],
    ["[::1]:8080:[::2]:80", tcp("::1", 8080), tcp("::2", 80)],
    ["*:8080:h:80", tcp("::", 8080), tcp("h", 80)],
    [":8080:h:80", tcp("::", 8080), tcp("h", 80)],
    [":8080:/run/x.sock", tcp("::", 8080), unix("/run/x.sock")],
    ["0.0.0.0:8080:h:80", tcp("0.0.0.0", 8080), tcp("h", 80)],
    ["10.0.0.1:8080:h:80", tcp("10.0.0.1", 8080), tcp("h", 80)],
    ["8080:/run/x.sock", tcp("127.0.0.1", 8080), unix("/run/x.sock")],
    ["[::1]:8080:/run/x.sock", tcp("::1", 8080), unix("/run/x.sock")],
    ["/tmp/a b:h:80", unix("/tmp/a b"), tcp("h", 80)],
    ["/tmp/a:/tmp/b", unix("/tmp/a"), unix("/tmp/b")],
  ];
  for (const [text, from, to] of cases) {
    assert.deepEqual(parseLocalForward(text), { from, to }, text);
  }
});

Deno.test("-R and -D and --allow-remote", () => {
  assert.deepEqual(parseRemoteForward("8080:h:80"), {
    from: { host: "127.0.0.1", port: 8080 },
    to: tcp("h", 80),
  });
  assert.deepEqual(parseRemoteForward("[::1]:8080:/x"), {
    from: { host: "::1", port: 8080 },
    to: unix("/x"),
  });
  assert.deepEqual(parseRemoteForward(":8080:h:80").from, { host: "::", port: 8080 });
  assert.deepEqual(parseDynamicForward("*:1080"), tcp("::", 1080));
  assert.deepEqual(parseDynamicForward(":1080"), tcp("::", 1080));
  assert.deepEqual(parseListenTarget(":80"), { host: "::", port: 80 });
  assert.deepEqual(parseListenTarget("*:80"), { host: "::", port: 80 });
  assert.deepEqual(parseDynamicForward("1080"), tcp("127.0.0.1", 1080));
  assert.deepEqual(parseDynamicForward("[::1]:0"), tcp("::1", 0));
  assert.deepEqual(parseListenTarget("80"), { host: "127.0.0.1", port: 80 });
  assert.deepEqual(parseListenTarget("[::]:80"), { host: "::", port: 80 });
});

Deno.test("a forward that makes no sense is wrong usage", () => {
  const cases: [(text: string) => unknown, readonly string[]][] = [
    [parseLocalForward, [
      ...[
        "",
        "80",
        "80:h",
        ":80:h",
        "::80:h:80",
        "a:b:c:d:e",
        "80:h:",
        "80:h:0",
        "x:h:80",
        "70000:h:80",
      ],
      ...[
        "::1:80:h:80",
        "[::1]80:h:80",
        "[::1:80:h:80",
        "[x]:80:h:80x",
        `/${"x".repeat(200)}:h:80`,
      ],
      ...["/a:/b:/c", "80:h:80:80:80", "80:a b:80", "relative:/x"],
    ]],
    [parseRemoteForward, ["/x:h:80", "0:h:80", "80", ""]],
    [parseDynamicForward, ["", ":", "x", "a:b:1", "/x", "-1"]],
    [parseListenTarget, ["0", "h:0", "", "1:2:3"]],
    [parseService, [
      "",
      "unix:x",
      "unix:",
      "udp:h",
      "tcp:",
      "h",
      "unix:/\0",
      "unix:/\n",
      "unix:/\x7f",
      "sctp:h:1",
    ]],
  ];
  for (const [parse, texts] of cases) {
    for (const text of texts) {
      assert.throws(() => parse(text), UsageError, `${parse.name} ${JSON.stringify(text)}`);
    }
  }
});

Deno.test("services are written back as they are read", () => {
  for (const text of ["h:1", "[::1]:80", "udp:127.0.0.1:53", "udp:[::1]:53", "unix:/run/x"]) {
    assert.equal(formatService(parseService(text)), text);
  }
  assert.deepEqual(parseService("tcp:h:1"), tcp("h", 1));
  assert.deepEqual(parseService("udp:53"), tcp("udp", 53), "a host of that name");
});
