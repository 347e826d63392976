import assert from "node:assert/strict";

const DVPN = new URL("../../../cmd/dvpn.ts", import.meta.url).pathname;
const ID = "ab".repeat(32);

async function dvpn(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const directory = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", DVPN, ...args],
      env: { DHTNET_CONFIG_DIR: directory, NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const WRONG: [string[], RegExp][] = [
  [[], /give the ID of a server, or -l/],
  [["-l", ID], /takes no ID/],
  [["-l", "--status"], /give one of --listen, --status/],
  [["--json", ID], /--json needs --status/],
  [["xyz"], /id/],
  [["-l", "--mtu", "1000"], /from 1280 to 65535/],
  [["-l", "--range", "8.8.8.0/24"], /not private/],
  [["-l", "--device", "../x"], /up to 15 letters/],
  [["-l", "-C", "/nonexistent.yaml"], /nonexistent\.yaml/],
];
for (const [args, message] of WRONG) {
  Deno.test(`dvpn ${args.join(" ")}: exit code 2, and why`, async () => {
    const { code, stderr, stdout } = await dvpn(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stdout, "");
  });
}

Deno.test("dvpn -l --dry-run: the commands on standard output, without any right", async () => {
  const options = ["--range", "10.99.0.0/16", "--mtu", "1400", "--interface", "lo"];
  const { code, stdout, stderr } = await dvpn("-l", "--dry-run", ...options);
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    [
      "ip link set dev dvpn0 addrgenmode none",
      "ip link set dev dvpn0 mtu 1400",
      "ip address add 10.99.0.1/16 dev dvpn0",
      "ip link set dev dvpn0 up",
      "",
    ].join("\n"),
  );
});

Deno.test("dvpn --status: exit code 1 where none is running", async () => {
  const { code, stderr } = await dvpn("--status");
  assert.equal(code, 1);
  assert.match(stderr, /no dvpn of this user is running/);
});

Deno.test("dvpn --help names the options", async () => {
  const { code, stdout } = await dvpn("--help");
  assert.equal(code, 0);
  assert.match(stdout, /-l, --listen/);
});
