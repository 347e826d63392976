import assert from "node:assert/strict";
import { describeNetwork } from "../../cmd/dnc/netcheck_text.ts";
import type { NetcheckReport } from "../../lib/endpoint/netcheck/mod.ts";
import { DhtService } from "../../lib/endpoint/dht_service.ts";
import { LoopbackStunServer } from "../support/stun_responder.ts";
import { runToolProcess } from "./tool_process.ts";

/** Nothing leaves this machine. */
const HERE = ["--netcheck", "--interface", "lo", "--no-discovery"];

Deno.test("dnc --netcheck tells addresses, NAT and DHT, as text and as JSON", async () => {
  await using stun = await LoopbackStunServer.start();
  await using strict = await LoopbackStunServer.start((_from, at) => ({
    ip: "203.0.113.9",
    port: at.port ^ Number(at.ip.at(-1)),
  }));
  await using node = await DhtService.start({ interfaces: ["lo"], discovery: false });
  const dht = ["-b", `127.0.0.1:${node.status().port}`];
  const [text, json, natted] = await Promise.all([
    runToolProcess("dnc", [...HERE, ...dht, "--stun", stun.name]),
    runToolProcess("dnc", [...HERE, ...dht, "--stun", stun.name, "--json"]),
    runToolProcess("dnc", [...HERE, ...dht, "--stun", strict.name, "--json"]),
  ]);
  assert.deepEqual([text.code, text.stderr], [0, ""]);
  assert.match(text.stdout, /^interfaces +lo 127\.0\.0\.1/);
  assert.match(text.stdout, /\nNAT +lo 127\.0\.0\.1: no NAT: direct with every peer\n/);
  assert.match(text.stdout, /mapping none, filtering endpoint-independent/);
  assert.match(text.stdout, /\nDHT +connected, \d nodes?, the first after \d/);

  assert.deepEqual([json.code, json.stdout.split("\n").length], [0, 2]);
  const report: NetcheckReport = JSON.parse(json.stdout);
  assert.equal(report.reachable, true);
  assert.deepEqual(report.nat.map(({ local, kind }) => [local, kind]), [["127.0.0.1", "none"]]);
  // The other ones are nodes, too, while they run.
  assert.equal(report.dht.status, "connected");
  assert.ok(report.dht.nodes >= 1);

  const { nat, publicIps }: NetcheckReport = JSON.parse(natted.stdout);
  const [{ kind, mapping }] = nat as [NetcheckReport["nat"][number]];
  assert.deepEqual([kind, mapping], ["strict", "address-and-port-dependent"]);
  assert.ok(publicIps.includes("203.0.113.9"));
});

Deno.test("dnc --netcheck where nothing answers ends in time, with exit code 1", async () => {
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const name = `127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
  try {
    const args = [...HERE, "--stun", name, "-b", name, "-t", `turn:${name}?transport=udp`];
    const { code, stdout, stderr } = await runToolProcess("dnc", args);
    assert.deepEqual([code, stderr], [1, ""]);
    assert.match(stdout, /127\.0\.0\.1: no STUN server answers/);
    assert.match(stdout, /TURN +127\.0\.0\.1 by udp: no answer in time/);
    assert.match(stdout, /DHT +(dis)?connect\w+: no node answered, asked 127/);
  } finally {
    silent.close();
  }
});

Deno.test("netcheck's text says what routers and relays do", () => {
  const text = describeNetwork({
    interfaces: [{ name: "eth0", addresses: ["192.168.1.2"] }],
    publicIps: ["198.51.100.1"],
    nat: [],
    unresolved: ["cannot resolve nowhere.example: not found"],
    gateways: [{
      interface: "eth0",
      gateway: "192.168.1.1",
      local: "192.168.1.2",
      externalIp: "100.64.0.7",
      protocols: [
        { protocol: "pcp", available: true, reason: undefined },
        { protocol: "nat-pmp", available: true, reason: undefined },
        { protocol: "upnp", available: false, reason: "no answer" },
      ],
    }],
    turn: [{
      host: "turn.example",
      port: undefined,
      transport: "tls",
      relayed: "198.51.100.9:50000",
      server: "198.51.100.9:5349",
      mapped: "198.51.100.1:40000",
      roundTripMs: 12.34,
      errorCode: undefined,
      failure: undefined,
    }],
    dht: { status: "connected", nodes: 8, connectedAfterMs: 80.4, publicIps: [] },
    reachable: true,
    elapsedMs: 1,
  }, {});
  const lines = [
    "interfaces  eth0 192.168.1.2",
    "seen as     198.51.100.1",
    "NAT         cannot resolve nowhere.example: not found",
    "            a NAT, since the DHT sees another address; to tell its kind, name servers, " +
    "--stun HOST",
    "router      eth0 192.168.1.1 maps ports by PCP, NAT-PMP; " +
    "outside 100.64.0.7 (behind another NAT); UPnP: no answer",
    "TURN        turn.example by tls relays at 198.51.100.9:50000, round trip 12 ms",
    "DHT         connected, 8 nodes, the first after 80 ms",
  ];
  assert.equal(text, lines.map((line) => `${line}\n`).join(""));
});

Deno.test("netcheck's text: what servers say neither moves the cursor nor begins a line", () => {
  const text = describeNetwork({
    interfaces: [],
    publicIps: [],
    nat: [],
    unresolved: ["192.0.2.1:3478: 400 \x1b[2J\nno NAT: direct with every peer"],
    gateways: [],
    turn: [],
    dht: { status: "connected", nodes: 8, connectedAfterMs: 80.4, publicIps: [] },
    reachable: true,
    elapsedMs: 1,
  }, {});
  assert.match(text, /400 \ufffd\[2J\ufffdno NAT/);
});

Deno.test("netcheck's text says what the servers cannot tell", () => {
  const server = { mapped: "198.51.100.1:4000", roundTripMs: 12, discoversBehavior: false };
  const lines = (nat: Partial<NetcheckReport["nat"][number]>) =>
    describeNetwork({
      interfaces: [{ name: "eth0", addresses: ["192.168.1.2"] }],
      publicIps: ["198.51.100.1"],
      nat: [{
        interface: "eth0",
        local: "192.168.1.2",
        publicIps: ["198.51.100.1"],
        mapping: "unknown",
        filtering: "unknown",
        kind: "unknown",
        servers: [{ ...server, server: "203.0.113.5:3478", failure: undefined }],
        ...nat,
      }],
      unresolved: [],
      gateways: [],
      turn: [],
      dht: { status: "connected", nodes: 8, connectedAfterMs: 80.4, publicIps: [] },
      reachable: true,
      elapsedMs: 1,
    }, {});
  assert.match(lines({}), /cannot tell the kind: one server saw us.*RFC 5780: --stun HOST/);
  const moderate = lines({ mapping: "endpoint-independent", kind: "moderate" });
  assert.match(moderate, /cannot tell whether strangers get in/);
  assert.match(lines({ mapping: "none", kind: "none" }), /cannot tell whether a firewall/);
  const all = { mapping: "none", filtering: "endpoint-independent", kind: "none" } as const;
  assert.doesNotMatch(lines(all), /cannot tell/);
  const strict = { mapping: "endpoint-dependent", kind: "strict" } as const;
  assert.doesNotMatch(lines(strict), /cannot tell/);
});
