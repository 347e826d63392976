import assert from "node:assert/strict";
import fc from "fast-check";
import { SchemaContext } from "../../../lib/config/mod.ts";
import { parseYaml } from "../../../lib/config/yaml_text.ts";
import { formatIp, parseIp } from "../../../lib/ip/mod.ts";
import { PacketError, readIpPacket } from "../../../lib/net/tun/mod.ts";
import { MAX_FLOWS } from "../../../cmd/dvpn/rules/flow_table.ts";
import { covers, networkOf, parseDestination } from "../../../cmd/dvpn/rules/network.ts";
import { PacketGate } from "../../../cmd/dvpn/rules/packet_gate.ts";
import { serverPermissions, toAll } from "../../../cmd/dvpn/rules/permission.ts";
import { type AccessRule, DVPN_FILE_SETTINGS } from "../../../cmd/dvpn/rules/rule.ts";
import { RuleBook } from "../../../cmd/dvpn/rules/rule_book.ts";
import { UsageError } from "../../../cmd/tool/exit_code.ts";

const PEER = { 4: "10.80.77.2", 6: "fd01::2" } as const;
const US = { 4: "10.80.77.1", 6: "fd01::1" } as const;
const LAN = { 4: "192.168.7.9", 6: "fd99::9" } as const;
const PROTOCOLS = { tcp: 6, udp: 17, icmp4: 1, icmp6: 58 } as const;
const ID = "ab".repeat(32);
const OTHER_ID = "cd".repeat(32);

/** A packet, as far as rules look at it. */
interface Sketch {
  readonly from: string;
  readonly to: string;
  readonly protocol?: "tcp" | "udp" | "icmp";
  readonly ports?: readonly [number, number];
  /** Of TCP. */
  readonly flags?: number;
  /** Of ICMP. */
  readonly type?: number;
  /** Offset in units of 8 bytes, whether more follow, identification. */
  readonly fragment?: readonly [number, boolean, number];
  readonly payload?: Uint8Array;
}

const SYN = 2;
const ACK = 16;

function packetOf(sketch: Sketch): Uint8Array<ArrayBuffer> {
  const { from, to, protocol = "tcp", ports = [40_000, 80], flags = ACK, fragment } = sketch;
  const source = parseIp(from);
  const isV4 = source.length === 4;
  const number = protocol === "icmp" ? PROTOCOLS[isV4 ? "icmp4" : "icmp6"] : PROTOCOLS[protocol];
  const payload = sketch.payload ?? new Uint8Array(protocol === "tcp" ? 20 : 8);
  const fragmentHeader = fragment !== undefined && !isV4 ? 8 : 0;
  const transport = (isV4 ? 20 : 40) + fragmentHeader;
  const bytes = new Uint8Array(transport + payload.length);
  const view = new DataView(bytes.buffer);
  const [offset, more, identification] = fragment ?? [0, false, 0];
  if (isV4) {
    bytes[0] = 0x45;
    view.setUint16(2, bytes.length);
    view.setUint16(4, identification);
    view.setUint16(6, (more ? 0x2000 : 0) | offset);
    bytes[9] = number;
    bytes.set(source, 12);
    bytes.set(parseIp(to), 16);
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, bytes.length - 40);
    bytes[6] = fragmentHeader > 0 ? 44 : number;
    bytes.set(source, 8);
    bytes.set(parseIp(to), 24);
    if (fragmentHeader > 0) {
      bytes[40] = number;
      view.setUint16(42, offset << 3 | (more ? 1 : 0));
      view.setUint32(44, identification);
    }
  }
  bytes.set(payload, transport);
  if (offset > 0) return bytes;
  if (protocol === "icmp") {
    bytes[transport] = sketch.type ?? 8;
    view.setUint16(transport + 4, ports[0]);
  } else {
    view.setUint16(transport, ports[0]);
    view.setUint16(transport + 2, ports[1]);
    if (protocol === "tcp" && payload.length > 13) bytes[transport + 13] = flags;
  }
  return bytes;
}

/** A gate with rules as a configuration file has them, and a clock that the test turns. */
async function gateOf(rules: string, clientToClient = false) {
  const clock = { now: 0 };
  const book = await RuleBook.open(await parsedRules(rules));
  const permissions = serverPermissions(book.permissionsOf({ id: ID, chainIds: [ID] }), {
    own: OWN,
    clients: CLIENTS,
    clientToClient,
    gateway: false,
    host: [],
  });
  const gate = new PacketGate(permissions, () => clock.now);
  const admits = (sketch: Sketch) => {
    const bytes = packetOf(sketch);
    return gate.admits(bytes, readIpPacket(bytes));
  };
  return { gate, clock, admits, sends: (sketch: Sketch) => gate.remember(packetOf(sketch)) };
}

const OWN = [{ family: 4, ip: US[4], prefix: 24 }, { family: 6, ip: US[6], prefix: 64 }] as const;
const CLIENTS = [
  { family: 4, ip: "10.80.77.0", prefix: 24 },
  { family: 6, ip: "fd01::", prefix: 64 },
] as const;

async function parsedRules(text: string): Promise<readonly AccessRule[]> {
  const { top } = await parseYaml("test.yaml", `rules:\n${text}`);
  const context = new SchemaContext((name) => name);
  const reading = DVPN_FILE_SETTINGS.rules.schema.read(top.entries[0]!.value, context);
  assert.deepEqual(context.problems.map(({ message }) => message), []);
  return reading!.value!;
}

Deno.test("dvpn rules: destinations as they are written", () => {
  const cases: Record<string, [string, number, [number, number]?]> = {
    "10.80.77.1": ["10.80.77.1", 32],
    "10.80.77.1:22": ["10.80.77.1", 32, [22, 22]],
    "192.168.0.0/16:8000-8100": ["192.168.0.0", 16, [8000, 8100]],
    "0.0.0.0/0": ["0.0.0.0", 0],
    "fd00::/8": ["fd00::", 8],
    "fd00::1": ["fd00::1", 128],
    "[fd00::1]:22": ["fd00::1", 128, [22, 22]],
    "[fd00::/8]:1-65535": ["fd00::", 8, [1, 65535]],
    "[::/0]": ["::", 0],
  };
  for (const [text, [ip, prefix, ports]] of Object.entries(cases)) {
    const { network, ports: range } = parseDestination(text);
    assert.deepEqual([formatIp(network.address), network.prefix], [ip, prefix]);
    assert.deepEqual(range && [range.first, range.last], ports);
  }
});

for (
  const text of [
    ...["", ":22", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.1:0", "10.0.0.1:80-22", "10.0.0.1:1-2-3"],
    ...["host:22", "fd00::1:22/64:1", "[fd00::1]22", "10.0.0.1:", "10.0.0.1/8/8"],
  ]
) {
  Deno.test(`dvpn rules: ${JSON.stringify(text)} is no destination`, () => {
    assert.throws(() => parseDestination(text), UsageError);
  });
}

Deno.test("dvpn rules: a network covers the addresses with its prefix, whatever they are", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(bytes, fc.nat(128), fc.nat(127), (address, bits, flipped) => {
    const prefix = bits % (address.length * 8 + 1);
    const bit = flipped % (address.length * 8);
    const other = address.slice();
    other[bit >> 3]! ^= 0x80 >> bit % 8;
    const network = networkOf(formatIp(address), prefix);
    const family = address.length === 4 ? 4 : 6;
    assert.ok(covers(network, family, address, 0));
    assert.equal(covers(network, family, other, 0), bit >= prefix);
    assert.equal(covers(network, family === 4 ? 6 : 4, new Uint8Array(16), 0), false);
  }));
});

Deno.test("dvpn rules: without rules the server alone is reached, and by --nat what is beyond", () => {
  const reach = { own: OWN, clients: CLIENTS, host: ["192.168.7.1"] };
  const admits = (to: string, gateway: boolean, clientToClient: boolean) => {
    const permissions = serverPermissions(undefined, { ...reach, gateway, clientToClient });
    const bytes = packetOf({ from: to.includes(":") ? PEER[6] : PEER[4], to });
    return new PacketGate(permissions).admits(bytes, readIpPacket(bytes));
  };
  for (const to of [US[4], US[6]]) assert.ok(admits(to, false, false));
  for (const to of ["10.80.77.3", "fd01::3"]) {
    assert.ok(!admits(to, true, false));
    assert.ok(admits(to, false, true));
  }
  for (const to of [LAN[4], LAN[6], "8.8.8.8"]) {
    assert.ok(!admits(to, false, true));
    assert.ok(admits(to, true, false));
  }
  assert.ok(!admits("192.168.7.1", true, true), "the server's address in another network");
});

for (const family of [4, 6] as const) {
  const [peer, us, lan] = [PEER[family], US[family], LAN[family]];
  const [bracketed, network] = family === 4 ? [us, "192.168.7.0/24"] : [`[${us}]`, "fd99::/64"];
  const rules = `  - { to: ["${bracketed}:22", "${network}"], protocol: tcp }\n` +
    `  - { to: ["${network}"], protocol: icmp }`;

  Deno.test(`dvpn rules, IPv${family}: what a rule names is reached, all else is not`, async () => {
    const { admits } = await gateOf(rules);
    assert.ok(admits({ from: peer, to: us, ports: [40_000, 22], flags: SYN }));
    assert.ok(admits({ from: peer, to: us, ports: [40_000, 22] }));
    assert.ok(!admits({ from: peer, to: us, ports: [22, 23], flags: SYN }));
    assert.ok(!admits({ from: peer, to: us, protocol: "udp", ports: [40_000, 22] }));
    assert.ok(!admits({ from: peer, to: us, protocol: "icmp" }));
    assert.ok(admits({ from: peer, to: lan, ports: [1, 9], flags: SYN }));
    assert.ok(admits({ from: peer, to: lan, protocol: "icmp" }));
    assert.ok(!admits({ from: peer, to: lan, protocol: "udp" }));
  });

  Deno.test(`dvpn rules, IPv${family}: answers pass, and nothing that begins`, async () => {
    const { admits, sends } = await gateOf(rules);
    const answer = { from: peer, to: us, ports: [80, 50_000] } as const;
    assert.ok(!admits(answer));
    sends({ from: us, to: peer, ports: [50_000, 80], flags: SYN });
    assert.ok(admits({ ...answer, flags: SYN | ACK }));
    assert.ok(admits(answer));
    assert.ok(!admits({ ...answer, flags: SYN }));
    assert.ok(!admits({ ...answer, ports: [80, 50_001] }));
    assert.ok(!admits({ ...answer, protocol: "udp" }));
    const reply = family === 4 ? 0 : 129;
    const request = family === 4 ? 8 : 128;
    const echo = { from: peer, to: us, protocol: "icmp", ports: [7, 0] } as const;
    assert.ok(!admits({ ...echo, type: reply }));
    sends({ from: us, to: peer, protocol: "icmp", ports: [7, 0], type: request });
    assert.ok(admits({ ...echo, type: reply }));
    assert.ok(!admits({ ...echo, type: request }));
    assert.ok(!admits({ ...echo, type: reply, ports: [8, 0] }));
  });

  Deno.test(`dvpn rules, IPv${family}: errors pass that are about what passes`, async () => {
    const { admits, sends } = await gateOf(rules);
    const type = family === 4 ? 3 : 1;
    const about = (quoted: Sketch, to: string = us): Sketch => ({
      from: peer,
      to,
      protocol: "icmp",
      type,
      payload: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, ...packetOf(quoted)),
    });
    const sent = { from: us, to: peer, protocol: "udp", ports: [50_000, 53] } as const;
    assert.ok(!admits(about(sent)));
    sends(sent);
    assert.ok(admits(about(sent)));
    assert.ok(!admits(about({ ...sent, ports: [50_000, 54] })));
    assert.ok(!admits(about(sent, lan)), "to somebody else than who sent it");
    assert.ok(!admits(about({ ...sent, to: lan })), "about a packet to somebody else");
    // about our answer in a connection that a rule lets begin
    assert.ok(admits(about({ from: us, to: peer, ports: [22, 40_000] })));
    assert.ok(!admits(about({ from: us, to: peer, ports: [23, 40_000] })));
    assert.ok(!admits({ ...about(sent), payload: new Uint8Array(12) }));
  });

  Deno.test(`dvpn rules, IPv${family}: the first fragment decides for the others`, async () => {
    const { admits, clock } = await gateOf(rules);
    const fragment = (offset: number, identification: number, port: number): Sketch => ({
      from: peer,
      to: us,
      ports: [40_000, port],
      fragment: [offset, offset < 9, identification],
    });
    assert.ok(!admits(fragment(9, 1, 22)));
    assert.ok(admits(fragment(0, 1, 22)));
    assert.ok(admits(fragment(9, 1, 22)));
    assert.ok(!admits(fragment(9, 2, 22)));
    assert.ok(!admits(fragment(0, 3, 23)));
    assert.ok(!admits(fragment(9, 3, 23)));
    // flags that are cut off may be those of a SYN
    const tiny = { from: peer, to: us, ports: [80, 50_000], payload: new Uint8Array(8) } as const;
    assert.ok(!admits({ ...tiny, fragment: [0, true, 4] }));
    clock.now += 61_000;
    assert.ok(!admits(fragment(9, 1, 22)));
  });
}

Deno.test("dvpn rules: who a rule names, by id, and nobody else", async () => {
  const book = await RuleBook.open(
    await parsedRules(`  - { to: ["10.80.77.1:22"], allow: ["${OTHER_ID}"] }`),
  );
  assert.equal(book.permissionsOf({ id: OTHER_ID, chainIds: [OTHER_ID] })?.length, 1);
  assert.equal(book.permissionsOf({ id: ID, chainIds: [ID, OTHER_ID] })?.length, 0);
  const authority = await RuleBook.open(
    await parsedRules(`  - { to: "10.80.77.1:22", authorities: "${OTHER_ID}" }`),
  );
  assert.equal(authority.permissionsOf({ id: ID, chainIds: [ID, OTHER_ID] })?.length, 1);
});

Deno.test("dvpn rules: the rule is named whose CA cannot be read", async () => {
  const rules = await parsedRules(
    '  - { to: "10.80.77.1" }\n  - { to: "10.80.77.1", authorities: [/none/ca.crt] }',
  );
  await assert.rejects(RuleBook.open(rules), /rules\[2\]\.authorities: .*\/none\/ca\.crt/);
});

Deno.test("dvpn rules: one for everything does not mean other clients; one that names them does", async () => {
  const other = { from: PEER[4], to: "10.80.77.3", flags: SYN } as const;
  const own = { ...other, to: US[4] };
  const beyond = { ...other, to: LAN[4] };
  const all = await gateOf('  - { to: "0.0.0.0/0" }');
  assert.deepEqual([own, beyond, other].map(all.admits), [true, true, false]);
  const open = await gateOf('  - { to: "0.0.0.0/0" }', true);
  assert.deepEqual([own, beyond, other].map(open.admits), [true, true, true]);
  const named = await gateOf('  - { to: "10.80.77.0/24:80" }');
  assert.deepEqual([own, beyond, other].map(named.admits), [true, false, true]);
  assert.ok(!named.admits({ ...other, ports: [1, 81] }));
});

Deno.test("dvpn rules: what new ones forbid ends; what they allow, and answers, go on", async () => {
  const { admits, sends, gate } = await gateOf('  - { to: "10.80.77.1:22-23" }');
  const ssh = { from: PEER[4], to: US[4], ports: [50_000, 22] } as const;
  const telnet = { ...ssh, ports: [50_001, 23] } as const;
  const question = { from: US[4], to: PEER[4], protocol: "udp", ports: [5000, 53] } as const;
  const answer = { from: PEER[4], to: US[4], protocol: "udp", ports: [53, 5000] } as const;
  sends(question);
  assert.deepEqual([ssh, telnet, answer].map(admits), [true, true, true]);
  const { network, ports } = parseDestination("10.80.77.1:22");
  gate.replace([{ network, ports, protocol: undefined, allows: true }]);
  assert.deepEqual([ssh, telnet].map(admits), [true, false]);
  sends(question);
  assert.ok(admits(answer));
});

Deno.test("dvpn rules: flows are forgotten when they are quiet, and when there are too many", async () => {
  const { admits, sends, clock, gate } = await gateOf("  []");
  const minute = 60_000;
  const udp = { from: US[4], to: PEER[4], protocol: "udp", ports: [5000, 53] } as const;
  const answer = { from: PEER[4], to: US[4], protocol: "udp", ports: [53, 5000] } as const;
  sends(udp);
  for (let turn = 0; turn < 3; turn++) {
    clock.now += 4 * minute;
    assert.ok(admits(answer), "used every four minutes");
  }
  clock.now += 6 * minute;
  assert.ok(!admits(answer));
  sends({ ...udp, protocol: "tcp" });
  clock.now += 100 * minute;
  assert.ok(admits({ ...answer, protocol: "tcp" }));
  clock.now += 130 * minute;
  assert.ok(!admits({ ...answer, protocol: "tcp" }));
  for (let port = 1; port <= MAX_FLOWS + 10; port++) sends({ ...udp, ports: [port, 53] });
  assert.equal(gate.flows, MAX_FLOWS);
  assert.ok(!admits({ ...answer, ports: [53, 10] }));
  assert.ok(admits({ ...answer, ports: [53, 11] }));
});

Deno.test("dvpn rules: whatever a packet is, it passes or not, and what no rule lets begin does not", () => {
  const ported = parseDestination("10.80.77.1:22");
  const gate = new PacketGate([
    { ...ported, protocol: "tcp", allows: true },
    toAll(networkOf("fd99::", 64), false),
  ]);
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 120 }), (noise) => {
    for (const version of [4, 6]) {
      const bytes = noise.slice();
      const view = new DataView(bytes.buffer);
      bytes[0] = version << 4 | 5;
      if (version === 4) view.setUint16(2, bytes.length);
      else if (bytes.length >= 40) view.setUint16(4, bytes.length - 40);
      try {
        assert.equal(gate.admits(bytes, readIpPacket(bytes)), false);
      } catch (error) {
        assert.ok(error instanceof PacketError);
      }
    }
  }));
});

for (
  const [what, text] of Object.entries({
    "a rule for nothing": "  - { protocol: tcp }",
    "another protocol": '  - { to: "10.0.0.1", protocol: sctp }',
    "ports of ICMP": '  - { to: "10.0.0.1:22", protocol: icmp }',
    "who is no id": '  - { to: "10.0.0.1", allow: ["me"] }',
    "an unknown key": '  - { to: "10.0.0.1", form: "x" }',
  })
) {
  Deno.test(`dvpn rules: ${what} is a mistake`, async () => {
    const { top } = await parseYaml("test.yaml", `rules:\n${text}`);
    const context = new SchemaContext((name) => name);
    DVPN_FILE_SETTINGS.rules.schema.read(top.entries[0]!.value, context);
    assert.equal(context.problems.length, 1);
  });
}
