import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Background, eventually, run } from "./command.ts";
import { DVPN, environmentOf, networkOf } from "./dvpn_command.ts";
import { dvpnTest } from "./dvpn_lab.ts";
import { SERVER } from "./dvpn_machine.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** Bytes that one transfer carries. */
const BULK_BYTES = 32 << 20;

async function ping(from: NetworkNamespace, to: string, ...options: string[]): Promise<void> {
  await run(...from.inside("ping", "-c", "3", "-i", "0.1", "-W", "2", ...options, to));
}

/** Sends bytes by TCP with iperf3; gives how many. */
async function transfer(
  from: NetworkNamespace,
  server: Background,
  to: string,
  ...options: string[]
): Promise<number> {
  await server.shows(/Server listening/);
  const size = ["-n", String(BULK_BYTES), "--connect-timeout", "3000", "-J"];
  const text = await run(...from.inside("timeout", "20", "iperf3", "-c", to, ...size, ...options));
  return JSON.parse(text).end.sum_sent.bytes;
}

for (const carry of ["auto", "datagram"] as const) {
  dvpnTest(`${carry}: ping and TCP both ways, IPv4 and IPv6`, async (lab) => {
    const { serverHost, clientHost } = lab;
    await lab.connect({ server: ["--carry", carry], client: ["--carry", carry] });
    const server = await lab.addresses("server");
    const client = await lab.addresses("client");
    await using iperf = new Background(serverHost.inside("iperf3", "-s", "--forceflush"));
    for (const family of ["ipv4", "ipv6"] as const) {
      await ping(clientHost, server[family]);
      await ping(serverHost, client[family]);
      await ping(clientHost, server[family], "-s", "1300", "-M", "do");
      await ping(clientHost, server[family], "-s", "8000");
      assert.ok(await transfer(clientHost, iperf, server[family]) >= BULK_BYTES);
      assert.ok(await transfer(clientHost, iperf, server[family], "-R") >= BULK_BYTES);
    }
    const [peer] = (await lab.status("client")).peers;
    const { congested, ...others } = peer.drops;
    assert.deepEqual(others, { malformed: 0, spoofed: 0, forbidden: 0, refused: 0 });
    // A machine that is busy with something else holds a batch up now and then.
    assert.ok(congested <= peer.sent.packets / 50, `${congested} dropped of ${peer.sent.packets}`);
    const byDatagram = peer.sent.datagrams / peer.sent.packets;
    if (carry === "datagram") assert.ok(byDatagram > 0.9, `${byDatagram} as datagrams`);
  });
}

dvpnTest(
  "short packets have a way of their own, and go with the session when it is blocked",
  async (lab) => {
    const { serverHost, clientHost } = lab;
    await lab.connect();
    const { ipv4 } = await lab.addresses("server");
    const peer = async () => (await lab.status("client")).peers[0];
    await eventually("pings go as datagrams", async () => {
      const before = (await peer()).sent.datagrams;
      await ping(clientHost, ipv4);
      return (await peer()).sent.datagrams >= before + 3;
    });
    const nft = (text: string) => run(...serverHost.inside("nft", text));
    await nft("add table inet block");
    await nft("add chain inet block input { type filter hook input priority 0; }");
    const { path } = await peer();
    const port = path.remote.split(":").at(-1);
    await nft(`add rule inet block input iifname cable udp dport != ${port} drop`);
    await run(...clientHost.inside("ping", "-c", "30", "-i", "0.1", "-W", "1", ipv4)).catch(
      () => {},
    );
    const blocked = (await peer()).sent.datagrams;
    await ping(clientHost, ipv4);
    // QUIC has datagrams of its own.
    if (path.kind === "tcp") assert.equal((await peer()).sent.datagrams, blocked);
    await nft("delete table inet block");
    await eventually("pings go as datagrams again", async () => {
      await ping(clientHost, ipv4);
      return (await peer()).sent.datagrams > blocked;
    });
  },
);

dvpnTest(
  "the client's address changes: short packets get a way of their own again",
  async (lab) => {
    const { serverHost, clientHost } = lab;
    await lab.connect();
    const { ipv4 } = await lab.addresses("server");
    // A ping as it leaves from socket to socket: QUIC's datagrams are longer, and TCP is none.
    const nft = (text: string) => run(...serverHost.inside("nft", text));
    const udpBytes = 8 + 26 + 84;
    await nft("add table inet count");
    await nft("add chain inet count input { type filter hook input priority 0; }");
    const arrived = async (ip: string): Promise<number> => {
      await nft("flush chain inet count input");
      await nft(`add rule inet count input ip saddr ${ip} udp length ${udpBytes} counter`);
      await ping(clientHost, ipv4);
      const text = await run(
        ...serverHost.inside("nft", "list", "chain", "inet", "count", "input"),
      );
      return Number(/packets (\d+)/.exec(text)![1]);
    };
    const { client: before } = lab.outside;
    await eventually("pings go from socket to socket", async () => await arrived(before) >= 3);
    const after = "10.1.0.3";
    const address = (...words: string[]) => run("ip", "-n", clientHost.name, "address", ...words);
    await address("add", `${after}/24`, "dev", "cable");
    await address("delete", `${before}/24`, "dev", "cable");
    await address("replace", `${after}/24`, "dev", "cable"); // it may have gone with the first one
    await eventually(
      "pings go from socket to socket, from the new address",
      async () => await arrived(after).catch(() => 0) >= 3,
      60_000,
    );
  },
);

dvpnTest(
  "packets from addresses that are not the client's are dropped and counted",
  async (lab) => {
    const { serverHost, clientHost } = lab;
    await lab.connect();
    const server = await lab.addresses("server");
    // Our own client would not send them; the kernel's other addresses do not get past it.
    await run(...clientHost.inside("ip", "address", "add", "10.80.77.250/32", "dev", "dvpn0"));
    const spoof = ["ping", "-c", "2", "-i", "0.1", "-W", "1", "-I", "10.80.77.250", server.ipv4];
    await assert.rejects(run(...clientHost.inside(...spoof)));
    const sent = (await lab.status("client")).peers[0].sent.packets;
    assert.equal(sent, 0);
    await ping(clientHost, server.ipv4);
    await ping(serverHost, (await lab.addresses("client")).ipv4);
  },
);

dvpnTest("where there is IPv6 alone: both families inside", async (lab) => {
  const ends = [[lab.serverHost, "fd10::1"], [lab.clientHost, "fd10::2"]] as const;
  for (const [{ name }, address] of ends) {
    const ip = (...words: string[]) => run("ip", "-n", name, "address", ...words, "dev", "cable");
    await ip("flush");
    await ip("add", `${address}/64`, "nodad");
  }
  const bootstrap = ["-b", "[fd10::1]:4299"];
  await lab.connect({ server: bootstrap, client: bootstrap });
  const { ipv4, ipv6 } = await lab.addresses("server");
  for (const address of [ipv4, ipv6]) {
    await ping(lab.clientHost, address);
    await ping(lab.clientHost, address, "-s", "8000");
  }
  assert.match((await lab.status("client")).peers[0].path.remote, /^\[fd10::1\]:/);
});

dvpnTest(
  "a client that is in the VPN's own range already: told so, and nothing is changed",
  async (lab) => {
    const here = ["10.80.77.200/24", "dev", "cable"];
    await run("ip", "-n", lab.clientHost.name, "address", "add", ...here);
    const before = await lab.networks();
    const server = lab.start("server", "-l", "-a");
    const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const client = lab.start("client", id);
    assert.equal((await client.status).code, 1);
    assert.match(client.stderr, /overlaps that of cable, 10\.80\.77\.200\/24: .* by --range/);
    server.kill("SIGTERM");
    await server.status;
    await lab.networksAre(before);
  },
);

dvpnTest("SIGTERM leaves nothing, on either side; the client waits and comes back", async (lab) => {
  const before = await lab.networks();
  const { server, client, id } = await lab.connect();
  const address = (await lab.addresses("client")).ipv4;
  server.kill("SIGTERM");
  assert.equal((await server.status).code, 143);
  // The server is gone: no address, no route, so nothing goes into a black hole.
  const isDown = async () =>
    !(await run(...lab.clientHost.inside("ip", "-brief", "address", "show", "dvpn0")))
      .includes(address);
  await eventually("the client has taken its address back", isDown);
  const again = lab.start("server", "-l", "-a");
  await again.shows(new RegExp(`listening, id ${id}`));
  const isUp = async () => (await lab.status("client")).addresses.length > 0;
  await eventually("the client is back", isUp, 30_000);
  assert.equal((await lab.addresses("client")).ipv4, address);
  await ping(lab.clientHost, (await lab.addresses("server")).ipv4);
  client.kill("SIGTERM");
  assert.equal((await client.status).code, 143);
  again.kill("SIGTERM");
  await again.status;
  await lab.networksAre(before);
});

dvpnTest("kill -9 of both leaves no interface and no route", async (lab) => {
  const before = await lab.networks();
  const { server, client } = await lab.connect();
  server.kill("SIGKILL");
  client.kill("SIGKILL");
  await Promise.all([server.status, client.status]);
  await lab.networksAre(before);
  // What they left otherwise does not keep the next ones from starting.
  await lab.connect();
  await ping(lab.clientHost, (await lab.addresses("server")).ipv4);
});

dvpnTest("a peer that is not trusted is refused, and told so", async (lab) => {
  const server = lab.start("server", "-l");
  const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const client = lab.start("client", id);
  assert.equal((await client.status).code, 3);
  await client.shows(/not signed by an authority that is trusted/);
});

dvpnTest("--dry-run shows the commands and changes nothing", async (lab) => {
  const before = await lab.networks();
  const plan = lab.start("server", "-l", "--dry-run", "--range", "10.99.0.0/16");
  assert.equal((await plan.status).code, 0);
  await plan.shows(/^ip address add 10\.99\.0\.1\/16 dev dvpn0$/m);
  await lab.networksAre(before);
  const server = lab.start("server", "-l", "-a");
  const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const client = lab.start("client", id, "--dry-run");
  assert.equal((await client.status).code, 0);
  await client.shows(/^ip address add 10\.80\.77\.\d+\/24 dev dvpn0$/m);
  assert.doesNotMatch(await run(...lab.clientHost.inside("ip", "link")), /dvpn0/);
});

dvpnTest("upstream's configuration: prefixes, another range for peers, the script", async (lab) => {
  const script = `${lab.directory}/up.sh`;
  await Deno.writeTextFile(script, `#!/bin/sh\necho "$@" >> ${lab.directory}/script.log\n`);
  await Deno.chmod(script, 0o755);
  const file = `${lab.directory}/vpn.yaml`;
  await Deno.writeTextFile(
    file,
    "script_path: up.sh\nip_address: 10.80.77.\nip_peer_address: 10.60.78.\n" +
      'ip_address_ipv6: "fd00:0:0:1::"\nip_peer_address_ipv6: "fd00:0:0:2::"\n',
  );
  await lab.connect({ server: ["-C", file] });
  const server = await lab.addresses("server");
  const client = await lab.addresses("client");
  assert.deepEqual(server, { ipv4: "10.80.77.1", ipv6: "fd00:0:0:1::1" });
  assert.match(client.ipv4, /^10\.60\.78\./);
  for (const family of ["ipv4", "ipv6"] as const) {
    await ping(lab.clientHost, server[family]);
    await ping(lab.serverHost, client[family]);
  }
  const words = [client.ipv4, server.ipv4, "dvpn0", "10.1.0.2", "false", client.ipv6, server.ipv6];
  assert.equal(await Deno.readTextFile(`${lab.directory}/script.log`), `${words.join(" ")}\n`);
});

dvpnTest(
  "a hostile peer's packets are dropped and counted; others are not disturbed",
  async (lab) => {
    const { id } = await lab.connect();
    const program = fileURLToPath(new URL("dvpn_hostile_peer.ts", import.meta.url));
    const deno = [Deno.execPath(), "run", "-A", "--unstable-net", program, id];
    await using hostile = new Background(
      lab.clientHost.inside(...deno, `${lab.outside.server}:4299`),
    );
    await hostile.shows(/sent/);
    const counted = async () => {
      const { peers } = await lab.status("server");
      // deno-lint-ignore no-explicit-any
      return peers.some(({ drops }: any) => drops.spoofed === 3 && drops.malformed === 4);
    };
    await eventually("everything is counted", counted, 5_000);
    await hostile.type("");
    await hostile.shows(/done/);
    assert.equal((await lab.status("server")).peers.length, 1);
    await ping(lab.clientHost, (await lab.addresses("server")).ipv4);
  },
);

dvpnTest("an interface that cannot be made: what is wrong with it", async (lab) => {
  const taken = lab.start("server", "-l", "-a", "--device", "cable");
  await taken.shows(/cannot make the interface cable \(there is one of another kind\)/);
  assert.equal((await taken.status).code, 1);
  const without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-all"];
  const command = [...without, ...DVPN, "-l", "-a", ...networkOf(SERVER)];
  await using powerless = new Background(lab.serverHost.inside(...command), {
    env: environmentOf(lab.directory),
  });
  await powerless.shows(/cannot make an interface \(it takes root, or CAP_NET_ADMIN\)/);
  assert.equal((await powerless.status).code, 1);
});

dvpnTest("IPv6 switched off on one side, or on both: IPv4 works", async (lab) => {
  const { serverHost, clientHost } = lab;
  for (const without of [[clientHost], [serverHost], [serverHost, clientHost]]) {
    for (const host of [serverHost, clientHost]) {
      const off = without.includes(host) ? 1 : 0;
      const settings = ["all", "default"].map((one) => `net.ipv6.conf.${one}.disable_ipv6=${off}`);
      await run(...host.inside("sysctl", "-q", ...settings));
    }
    const { server, client } = await lab.connect({ client: ["--default-route"] });
    assert.match(without.includes(serverHost) ? server.stderr : client.stderr, /IPv6 is switched/);
    await ping(clientHost, (await lab.addresses("server")).ipv4);
    for (const process of [client, server]) {
      process.kill("SIGTERM");
      await process.status;
    }
  }
});
