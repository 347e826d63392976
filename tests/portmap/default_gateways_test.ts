import assert from "node:assert/strict";
import fc from "fast-check";
import { PROGRAMS } from "../../cmd/dist/programs.ts";
import {
  defaultGateways,
  parseProcIpv6Route,
  parseProcRoute,
  parseRouteGet,
} from "../../lib/endpoint/portmap/mod.ts";

const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t014DA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t00000000\t024DA8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
eth0\t004DA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth1\t0000000A\t0100000A\t0003\t0\t0\t0\t000000FF\t0\t0\t0
eth2\t00000000\t0101000A\t0002\t0\t0\t0\t00000000\t0\t0\t0
`;
const ZERO = "00000000000000000000000000000000";
const IPV6_ROUTE =
  `20010db8007700000000000000000000 40 ${ZERO} 00 ${ZERO} 00000100 00000001 00000000 00000001     eth0
${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00450003     eth0
${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000002 00000100 00000002 00000000 00450003    wlan0
${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 00000001 00000000 00200200       lo
`;

Deno.test("Linux: IPv4 default routes through a router, by metric, one an interface", () => {
  assert.deepEqual(parseProcRoute(ROUTE), [
    { interface: "eth0", ip: "192.168.77.1" },
    { interface: "wlan0", ip: "192.168.0.1" },
  ]);
});

Deno.test("Linux: IPv6 default routes", () => {
  assert.deepEqual(parseProcIpv6Route(IPV6_ROUTE), [
    { interface: "wlan0", ip: "fe80::2" },
    { interface: "eth0", ip: "fe80::1" },
  ]);
});

Deno.test("macOS: the default route", () => {
  const text = "   route to: default\ndestination: default\n       mask: default\n" +
    "    gateway: 192.168.1.1\n  interface: en0\n      flags: <UP,GATEWAY,DONE>\n";
  assert.deepEqual(parseRouteGet(text), [{ interface: "en0", ip: "192.168.1.1" }]);
  assert.deepEqual(parseRouteGet("route: writing to routing socket: not in table\n"), []);
  assert.deepEqual(parseRouteGet("gateway: link#5\ninterface: en0\n"), []);
});

Deno.test("any text is read without throwing", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    for (const parse of [parseProcRoute, parseProcIpv6Route, parseRouteGet]) {
      parse(text);
      parse(`x\neth0 00000000 ${text} 0003 0 0 0 00000000`);
    }
  }));
});

Deno.test("the system's routes are known with the permissions of what is shipped, too", async () => {
  const { permissions } = PROGRAMS.find(({ name }) => name === "dnc")!;
  const module = new URL("../../lib/endpoint/portmap/default_gateways.ts", import.meta.url).href;
  const script = `const { defaultGateways } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify(await defaultGateways()));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      ...permissions,
      `data:text/javascript,${encodeURIComponent(script)}`,
    ],
    cwd: new URL("../..", import.meta.url),
  }).output();
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), await defaultGateways());
});
