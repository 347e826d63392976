import assert from "node:assert/strict";
import { DNC_OPTIONS } from "../../cmd/dnc/options.ts";
import { bootstrapNodes, checkInterfaces, loopbackOnly } from "../../cmd/peer/network.ts";
import { peerCommand } from "../../cmd/dnc/peer_command.ts";
import { type Task, taskOf } from "../../cmd/dnc/task.ts";
import { parseHost, parseTarget } from "../../cmd/peer/target.ts";
import { formatServiceName, parseServiceName } from "../../cmd/dnc/service_name.ts";
import { parseCommandLine } from "../../cmd/tool/command_line.ts";
import { UsageError } from "../../cmd/tool/exit_code.ts";
import { shellLine } from "../../cmd/tool/invocation.ts";

/** RFC 8032 §7.1, test 2. */
const ID = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const task = (...args: string[]): Task => taskOf(parseCommandLine(DNC_OPTIONS, args));

Deno.test("dnc: what the options ask for", () => {
  assert.deepEqual(task("-l"), { kind: "listen" });
  assert.deepEqual(task("-l", "--allow", "127.0.0.1:22", "--allow", "[0:0::1]:80"), {
    kind: "serve",
    rules: {
      services: [
        { service: { kind: "tcp", host: "127.0.0.1", port: 22 }, who: undefined },
        { service: { kind: "tcp", host: "::1", port: 80 }, who: undefined },
      ],
      listens: [],
    },
  });
  assert.deepEqual(task(ID.toUpperCase()), { kind: "connect", id: ID, target: undefined });
  assert.deepEqual(task(ID, "-i", "::1", "-P", "80"), {
    kind: "connect",
    id: ID,
    target: { kind: "tcp", host: "::1", port: 80 },
  });
  assert.deepEqual(task(ID, "-P", "22"), {
    kind: "connect",
    id: ID,
    target: { kind: "tcp", host: "127.0.0.1", port: 22 },
  });
  assert.deepEqual(task("--id"), { kind: "show-id", asQrCode: false });
  assert.deepEqual(task("--qr"), { kind: "show-id", asQrCode: true });
  assert.deepEqual(task("--netcheck", "--json"), { kind: "netcheck" });
  const ping = { kind: "ping", id: ID, count: 5, untilDirect: false } as const;
  assert.deepEqual(task("--ping", ID), ping);
  assert.deepEqual(task(ID, "--ping", "--count", "3"), { ...ping, count: 3 });
  assert.deepEqual(task("--ping", ID, "--until-direct"), { ...ping, count: 30, untilDirect: true });
});

Deno.test("dnc: options that contradict one another are wrong usage", () => {
  const cases: [string[], RegExp][] = [
    [[], /give the ID of a peer, or -l/],
    [["-l", ID], /takes no ID/],
    [["-l", "-P", "22"], /use --allow/],
    [[ID, "--allow", "127.0.0.1:22"], /--allow needs -l/],
    [[ID, "--crl", "x"], /--crl needs -l/],
    [[ID, "-a"], /--anonymous needs -l/],
    [[ID, "-i", "127.0.0.1"], /-i needs the port too/],
    [["abc"], /is not an id/],
    [["--ping"], /give the ID/],
    [["--ping", "-l"], /give one of --listen, --ping/],
    [["--ping", ID, "-P", "22"], /takes no -P/],
    [["--netcheck", ID], /takes no ID/],
    [[ID, "--json"], /--json needs/],
    [[ID, "--count", "3"], /--count needs --ping/],
    [["-l", "--until-direct"], /--until-direct needs --ping/],
    [["--ping", ID, "--count", "0"], /--count: expects a number from 1 to/],
    [[ID.slice(2)], /64 hexadecimal/],
    [[ID.replace(/^3/, "2")], /is not the id of any device/],
    [["01" + "00".repeat(31)], /is not the id of any device/],
    [["-l", "--allow", "127.0.0.1"], /--allow: expects HOST:PORT/],
    [["-l", "--allow", "::1:80"], /--allow: expects HOST:PORT/],
    [["-l", "--allow", "127.0.0.1:0"], /--allow: expects a port/],
    [[ID, "-i", "127.0.0.256", "-P", "1"], /-i: expects an IP address/],
    ...["", "h:", "h:0", "h:70000", "a b", "[::1", "[x]:1", "::1:x"].map((address) =>
      [["-l", "-b", address], /^-b: expects HOST or HOST:PORT/] as [string[], RegExp]
    ),
  ];
  for (const [args, message] of cases) {
    assert.throws(() => task(...args), (error: unknown) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("dnc: a fully qualified name is the same target with and without its dot", () => {
  const target = task(ID, "-i", "Example.ORG.", "-P", "80");
  assert.deepEqual(target, task(ID, "-i", "example.org", "-P", "80"));
  const longest = [63, 63, 63, 61].map((length) => "x".repeat(length)).join(".");
  assert.equal(parseHost(`${longest}.`), longest);
  assert.throws(() => parseHost(`${longest}x.`), UsageError);
});

Deno.test("dnc: addresses of DHT nodes are taken as they are", () => {
  const addresses = ["h", "h.example:4222", "127.0.0.1", "127.0.0.1:1", "::1", "[::1]", "[::1]:9"];
  const args = addresses.flatMap((address) => ["-b", address]);
  assert.deepEqual(parseCommandLine(DNC_OPTIONS, args).values.bootstrap, addresses);
});

Deno.test("dnc: channel names of targets", () => {
  for (const text of ["127.0.0.1:22", "[::1]:80", "example.org:443", "localhost:1"]) {
    const target = parseTarget(text);
    for (
      const [kind, scheme] of [["tcp", "nc"], ["udp", "nc+udp"], ["listen", "nc+listen"]] as const
    ) {
      const purpose = { kind, ...target };
      assert.equal(formatServiceName(purpose), `${scheme}://${text}`);
      assert.deepEqual(parseServiceName(`${scheme}://${text}`), purpose);
    }
  }
  const unix = { kind: "unix", path: "/run/x y:1.sock" } as const;
  assert.equal(formatServiceName(unix), "nc+unix:///run/x y:1.sock");
  assert.deepEqual(parseServiceName("nc+unix:///run/x y:1.sock"), unix);
  assert.equal(formatServiceName(undefined), "nc://");
  assert.deepEqual(parseServiceName("nc://"), { kind: "standard-streams" });
  // Every way to write an address names the same target, or none.
  const tcp = (text: string) => ({ kind: "tcp", ...parseTarget(text) });
  assert.deepEqual(parseServiceName("nc://[::ffff:127.0.0.1]:22"), tcp("127.0.0.1:22"));
  assert.deepEqual(parseServiceName("nc://LocalHost:22"), tcp("localhost:22"));
  assert.deepEqual(parseServiceName("nc://Example.Org.:22"), tcp("example.org:22"));
  for (
    const name of [
      ...["", "nc:/", "dsh://bash", "nc://:22", "nc://a b:22", "nc://127.1:22", "nc://x"],
      ...["nc://example.org..:22", "nc://.:22", "nc://127.0.0.1.:22"],
      ...[
        "nc+udp://",
        "nc+unix://x",
        ...["nc+unix:///\0", "nc+unix:///x\ndnc: y", "nc+unix:///x\r", "nc+unix:///\x1b[A\x7f"],
        ...["nc://a\nb:1", "nc://a\n:1", "nc+udp://a:1\n", "nc+listen://[::1\n]:1"],
        `nc+unix:///${"x".repeat(200)}`,
        "nc+x://a:1",
      ],
    ]
  ) assert.equal(parseServiceName(name), undefined, name);
});

Deno.test("dnc: the command for the other side can be pasted into a shell", () => {
  const values = (...args: string[]) => parseCommandLine(DNC_OPTIONS, args).values;
  const entry = "file:///a%20b/dnc.ts";
  assert.equal(
    peerCommand(
      ID,
      values("-l", "-b", "h:1", "-b", "[::1]:2", "--interface", "lo"),
      undefined,
      entry,
    ),
    `deno run -A --unstable-net '/a b/dnc.ts' ${ID} -b h:1 -b '[::1]:2' --interface lo`,
  );
  assert.equal(
    peerCommand(ID, values("-l"), { kind: "tcp", host: "::1", port: 80 }, "file:///dnc.ts"),
    `deno run -A --unstable-net /dnc.ts ${ID} -i ::1 -P 80`,
  );
  assert.equal(shellLine(["it's", "", "$x"]), `'it'\\''s' '' '$x'`);
});

Deno.test("dnc: the command for the other side names the servers, and no password", () => {
  const { values } = parseCommandLine(DNC_OPTIONS, [
    ...["-l", "--stun", "s.example:1", "-t", "t.example", "-t", "turns:u.example?transport=tcp"],
    ...["-u", "me", "-w", "secret", "-r", "realm", "--relay-only", "--no-upnp"],
  ]);
  assert.equal(
    peerCommand(ID, values, undefined, "file:///dnc.ts"),
    `deno run -A --unstable-net /dnc.ts ${ID} --stun s.example:1 -t turn:t.example ` +
      "-t 'turns:u.example?transport=tcp' -u me -r realm",
  );
});

Deno.test("dnc: on loopback alone no public node is asked", () => {
  assert.equal(loopbackOnly(["lo"]), true);
  assert.equal(loopbackOnly([]), false);
  assert.deepEqual(bootstrapNodes([], ["lo"]), []);
  assert.deepEqual(bootstrapNodes(["h:1"], ["lo"]), ["h:1"]);
  assert.equal(bootstrapNodes([], []).length, 1);
  checkInterfaces(["lo"]);
  assert.throws(() => checkInterfaces(["lo", "nope0"]), /there is no nope0, but .*lo/);
});
