import assert from "node:assert/strict";
import fc from "fast-check";
import { offeredNames, parseNameServer } from "../../../cmd/dvpn/dns/offered_names.ts";
import { asksResolved, resolvConfPlan, resolvedPlan } from "../../../cmd/dvpn/dns/names_plan.ts";
import { resolvConf } from "../../../cmd/dvpn/dns/resolv_conf.ts";
import { DVPN_OPTIONS } from "../../../cmd/dvpn/options.ts";
import type { NetworkHost } from "../../../cmd/dvpn/plan/network_plan.ts";
import { showPlan } from "../../../cmd/dvpn/plan/show_plan.ts";
import { checkRoutes, clientRoutes } from "../../../cmd/dvpn/route/client_routes.ts";
import { gatewayPlan } from "../../../cmd/dvpn/route/gateway.ts";
import { killSwitch, nftName } from "../../../cmd/dvpn/route/kill_switch.ts";
import {
  addressOutside,
  intoTunnel,
  portOutside,
  refusedOtherwise,
  serverOutside,
  throughTunnel,
} from "../../../cmd/dvpn/route/policy.ts";
import { DEFAULT_ROUTES, parseRoute } from "../../../cmd/dvpn/route/route.ts";
import { Tunnel } from "../../../cmd/dvpn/route/tunnel.ts";
import { parseCommandLine } from "../../../cmd/tool/command_line.ts";
import { UsageError } from "../../../cmd/tool/exit_code.ts";

const values = (...args: string[]) => parseCommandLine(DVPN_OPTIONS, args).values;

Deno.test("dvpn routes: networks are taken, and what is none is refused", () => {
  const networks = ["10.20.0.0/16", "0.0.0.0/0", "::/0", "fd12::/48", "192.0.2.128/25"];
  for (const network of networks) assert.equal(parseRoute(network).network, network);
  assert.equal(parseRoute("192.0.2.7").network, "192.0.2.7/32");
  assert.equal(parseRoute("2001:DB8::7").network, "2001:db8::7/128");
  for (const text of ["", "x", "10.0.0.0/33", "10.0.0.1/24", "::1/0", "10.0.0.0/8/8", "10.0.0/8"]) {
    assert.throws(() => parseRoute(text), UsageError, text);
  }
});

Deno.test("dvpn routes: whatever is typed, a route or a usage error", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), fc.nat(200), (text, bits) => {
    try {
      const { network, prefix, family } = parseRoute(`${text}/${bits}`);
      assert.equal(parseRoute(network).network, network);
      assert.ok(prefix <= (family === 4 ? 32 : 128));
    } catch (error) {
      assert.ok(error instanceof UsageError);
    }
  }));
});

Deno.test("dvpn routes: every step is taken back by the same words", () => {
  const steps = [
    throughTunnel(DEFAULT_ROUTES[1]!, "dvpn0"),
    serverOutside("192.0.2.1"),
    addressOutside("2001:db8::1", 0),
    portOutside(4, 4222, 1000),
    ...intoTunnel(parseRoute("10.20.0.0/16"), "dvpn0"),
    ...refusedOtherwise(6, "dvpn0", 0, [4, 6]),
  ];
  for (const { apply, undo } of steps) {
    const words = (apply as string[]).map((word) => word === "add" ? "delete" : word);
    assert.deepEqual(undo, words);
  }
  const table = /lookup (\d+)/.exec(showPlan(steps.slice(5, 6)))![1];
  assert.deepEqual(showPlan(steps.slice(0, 6)).split("\n"), [
    `ip -6 route add ::/0 dev dvpn0 table ${table}`,
    "ip -4 rule add pref 7600 to 192.0.2.1 lookup main",
    "ip -6 rule add pref 7601 from 2001:db8::1 uidrange 0-0 lookup main",
    "ip -4 rule add pref 7602 uidrange 1000-1000 ipproto 17 sport 4222 lookup main",
    "ip -4 rule add pref 7603 to 10.20.0.0/16 lookup main suppress_prefixlength 16",
    `ip -4 rule add pref 7604 to 10.20.0.0/16 lookup ${table}`,
    "",
  ]);
  const other = showPlan(intoTunnel(DEFAULT_ROUTES[0]!, "dvpn1"));
  assert.match(other, /^ip -4 rule add pref 7604 lookup \d+$/m);
  assert.ok(!other.includes(table!));
});

Deno.test("dvpn routes: what the user and the server name twice is led into the tunnel once", async () => {
  const wish = {
    isDefault: false,
    routes: ["10.20.0.0/16", "10.20.0.0/16", "10.1.1.1"].map(parseRoute),
    killSwitch: false,
    names: { servers: [], search: [] },
    takesNames: true,
  };
  const tunnel = new Tunnel({
    device: "dvpn0",
    wish,
    relays: [],
    host: { isFileTaken: () => Promise.resolve(false) } as unknown as NetworkHost,
    report: { notice: () => {}, detail: () => {} },
    dhtPort: () => 4222,
    hasPath: () => true,
  });
  const names = { servers: ["10.1.1.1", "10.1.1.2", "10.1.1.2"], search: [] };
  const plan = showPlan(await tunnel.plan({ families: [4], names }));
  const networks = [...plan.matchAll(/route add (\S+)/g)].map(([, network]) => network);
  assert.deepEqual(networks, ["10.20.0.0/16", "10.1.1.1/32", "10.1.1.2/32"]);
});

const CONTRADICTIONS: ["connect" | "serve" | "mesh", string[], RegExp][] = [
  ["connect", ["--nat"], /--nat is for a server/],
  ["connect", ["--kill-switch"], /needs --default-route/],
  ["serve", ["--default-route"], /--default-route is for a client/],
  ["serve", ["--route", "10.0.0.0/8"], /--route is for a client/],
  ["serve", ["--lan-access"], /needs --nat/],
  ["serve", ["--dns", "server"], /is for a client/],
  ["mesh", ["--dns", "192.0.2.1"], /does not go with --mesh/],
  ["mesh", ["--nat"], /does not go with --mesh/],
];

for (const [side, args, message] of CONTRADICTIONS) {
  Deno.test(`dvpn routes: ${args.join(" ")} is refused to ${side}`, () => {
    assert.throws(() => checkRoutes(side, values(...args)), message);
  });
}

Deno.test("dvpn routes: a full tunnel takes the server's names, unless there are others", () => {
  assert.equal(clientRoutes(values("--default-route")).takesNames, true);
  assert.equal(clientRoutes(values("--default-route", "--dns", "192.0.2.1")).takesNames, false);
  assert.equal(clientRoutes(values("--route", "10.0.0.0/8")).takesNames, false);
  assert.equal(clientRoutes(values("--dns", "server")).takesNames, true);
});

Deno.test("dvpn names: a server offers addresses and domains, and nothing else", () => {
  const dns = ["192.0.2.1", "127.0.0.1", "fe80::1", "x\nnameserver 6.6.6.6", 7, "2001:DB8::1"];
  const search = ["vpn.example", "a b", "-x", "x\noptions debug", "a".repeat(254), "lan"];
  assert.deepEqual(offeredNames(dns, search), {
    servers: ["192.0.2.1", "2001:db8::1"],
    search: ["vpn.example", "lan"],
  });
  assert.equal(offeredNames(Array(9).fill("192.0.2.1"), null).servers.length, 3);
  fc.assert(fc.property(fc.anything(), fc.anything(), (dns, search) => {
    const names = offeredNames(dns, search);
    for (const text of [...names.servers, ...names.search]) assert.match(text, /^[\w.:-]+$/);
  }));
  assert.throws(() => parseNameServer("127.0.0.1"), UsageError);
});

Deno.test("dvpn names: resolv.conf keeps what nobody replaces", () => {
  const former = "# me\nnameserver 192.0.2.53\nsearch old.example\noptions edns0\n";
  const lines = (servers: string[], search: string[]) =>
    resolvConf(former, { servers, search }, "dvpn0").split("\n").slice(1);
  assert.deepEqual(lines(["10.0.0.1", "fd00::1"], []), [
    "nameserver 10.0.0.1",
    "nameserver fd00::1",
    "search old.example",
    "options edns0",
    "",
  ]);
  assert.deepEqual(lines([], ["a.example", "b.example"]), [
    "nameserver 192.0.2.53",
    "search a.example b.example",
    "options edns0",
    "",
  ]);
});

Deno.test("dvpn names: resolv.conf that was not there is gone again afterwards", async () => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/resolv.conf`;
  const [step] = await resolvConfPlan({ servers: ["192.0.2.1"], search: [] }, "dvpn0", file);
  assert.deepEqual(step!.undo, {
    file,
    state: { absent: true },
    insteadOf: resolvConf("", { servers: ["192.0.2.1"], search: [] }, "dvpn0"),
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("dvpn names: systemd-resolved is told where programs ask it and it runs", async () => {
  const socket = await Deno.makeTempFile();
  const stub = { link: "../run/systemd/resolve/stub-resolv.conf" };
  assert.equal(await asksResolved(stub, socket), true);
  assert.equal(await asksResolved({ text: "nameserver 127.0.0.53\n", mode: 0o644 }, socket), true);
  assert.equal(await asksResolved({ text: "nameserver 192.0.2.1\n", mode: 0o644 }, socket), false);
  await Deno.remove(socket);
  assert.equal(await asksResolved(stub, socket), false);
  const names = { servers: ["10.0.0.1"], search: ["vpn.example"] };
  assert.equal(
    showPlan(resolvedPlan(names, "dvpn0", true)),
    "resolvectl dns dvpn0 10.0.0.1\n" +
      "resolvectl domain dvpn0 vpn.example '~.'\n" +
      "resolvectl default-route dvpn0 yes\n",
  );
  assert.deepEqual(resolvedPlan(names, "dvpn0", false).map(({ undo }) => undo), [
    ["resolvectl", "revert", "dvpn0"],
    undefined,
    undefined,
  ]);
});

Deno.test("dvpn gateway: private networks are left out unless they are to be reached", async () => {
  const wish = {
    device: "vpn.a-1",
    networks: [{ family: 4, ip: "10.80.77.0", prefix: 24 }, {
      family: 6,
      ip: "fd01::",
      prefix: 64,
    }],
    dns: ["192.168.1.1"],
  } as const;
  const on = () => Promise.resolve("1");
  const closed = showPlan(await gatewayPlan({ ...wish, lanAccess: false }, on));
  const open = showPlan(await gatewayPlan({ ...wish, lanAccess: true }, on));
  // Where the host forwards already, nothing of it is changed.
  assert.doesNotMatch(closed, /sysctl/);
  assert.match(closed, /table inet dhtnet_vpn_2ea_2d1 /);
  assert.match(
    closed,
    /ip daddr 192\.168\.1\.1 udp dport 53 accept\n[^]*192\.168\.0\.0\/16.*reject/,
  );
  assert.match(closed, /ip6 saddr fd01::\/64 oifname != "vpn\.a-1" masquerade/);
  assert.doesNotMatch(open, /192\.168/);
  const off = () => Promise.resolve("0");
  const [forward] = (await gatewayPlan({ ...wish, lanAccess: true }, off)).slice(-1);
  assert.deepEqual(forward, {
    apply: { sysctl: "net/ipv6/conf/all/forwarding", value: "1" },
    undo: { sysctl: "net/ipv6/conf/all/forwarding", value: "0" },
  });
});

Deno.test("dvpn kill switch: one that a killed process has left is replaced, not opened", () => {
  const { apply, undo } = killSwitch("dvpn0", 0);
  assert.match(
    (apply as string[])[1]!,
    /^add table inet (\w+); delete table inet \1; table inet \1 \{[^]*policy drop/,
  );
  assert.deepEqual(undo, ["nft", "delete", "table", "inet", "dhtnet_dvpn0_killswitch"]);
});

Deno.test("dvpn kill switch: no two interfaces have one table", () => {
  const names = ["vpn-a", "vpn_a", "vpn.a", "vpna", "vpn_2da"];
  assert.equal(new Set(names.map(nftName)).size, names.length);
  for (const name of names) assert.match(nftName(name), /^\w+$/);
});
