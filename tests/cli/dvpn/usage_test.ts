import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const DVPN = fileURLToPath(new URL("../../../cmd/dvpn.ts", import.meta.url));
const ID = "ab".repeat(32);
/** One that is a key: RFC 8032 §7.1, test 1. */
const KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

async function dvpn(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return await dvpnWith(() => {}, ...args);
}

/** The same with something in its configuration directory. */
async function dvpnWith(
  prepare: (directory: string) => void,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const directory = await Deno.makeTempDir();
  try {
    prepare(directory);
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
  [["-l", "--script", "/nonexistent.sh"], /nonexistent\.sh: no such file/],
  [["--mesh", "--script", "/"], /that is no file/],
  [["--script", "/etc/passwd", KEY], /cannot be run: chmod \+x \/etc\/passwd/],
  [["-l", "--mesh"], /give one of --listen, --mesh/],
  [["--mesh", ID], /name members by --member/],
  [["--mesh", "--member", "me"], /--member/],
  [["--mesh", "--network", "a b"], /expects a name/],
  [["--mesh", "--dry-run", "--interface", "lo", "--range", "fd00::/64"], /takes one IPv4 network/],
  [["--member", KEY, KEY], /--member needs --mesh/],
  [["--client-to-client", ID], /needs -l/],
  [["--cleanup", "--dry-run"], /--dry-run has no meaning with --cleanup/],
  [["--cleanup", ID], /an ID has no meaning with --cleanup/],
  [["--cleanup", "--device", "dvpn9"], /--device has no meaning with --cleanup/],
  [["--id", "--dry-run"], /--dry-run has no meaning with --id/],
  [["--status", ID], /an ID has no meaning with --status/],
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

Deno.test("dvpn -l: a file that cannot be read is named, in one line", async () => {
  const inTheWay = (directory: string) => Deno.mkdirSync(`${directory}/dvpn-addresses.json`);
  const { code, stderr } = await dvpnWith(inTheWay, "-l", "--dry-run", "--interface", "lo");
  assert.equal(code, 1);
  assert.match(stderr, /^dvpn: cannot read \S*dvpn-addresses\.json: .*\n$/m);
  assert.doesNotMatch(stderr, /unexpected|at /);
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

Deno.test("dvpn --address: IPv6 for any id, IPv4 for who is listed", async () => {
  const unlisted = await dvpn("--address", KEY);
  assert.match(unlisted.stdout, /^fd[0-9a-f:]+\n$/);
  const listed = await dvpn("--address", KEY, "--member", KEY, "--range", "10.99.0.0/16");
  assert.match(listed.stdout, /^10\.99\.\d+\.\d+\nfd/);
  const elsewhere = await dvpn("--address", KEY, "--network", "home");
  assert.match(elsewhere.stdout, /^fd[0-9a-f:]+\n$/);
  assert.notEqual(elsewhere.stdout, unlisted.stdout);
});

Deno.test("dvpn --mesh --dry-run: an address of each family, and nobody is called", async () => {
  const { code, stdout, stderr } = await dvpn("--mesh", "--dry-run", "--interface", "lo");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ip address add 10\.80\.\d+\.\d+\/16 dev dvpn0$/m);
  assert.match(stdout, /^ip address add fd[0-9a-f:]+\/64 dev dvpn0 nodad$/m);
});
