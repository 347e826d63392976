import assert from "node:assert/strict";
import { eventually, run } from "./command.ts";
import { AT, type DvpnInternet, dvpnInternetTest, type Side } from "./dvpn_internet.ts";

const SIDES = ["client", "server"] as const;
/** Everything that a server and a client can change. */
const ALL = {
  server: ["--nat", "--dns", AT.web[0], "--dns", AT.web[1], "--search", "vpn.example"],
  client: ["--default-route", "--kill-switch"],
};

function journals(lab: DvpnInternet, side: Side): string[] {
  try {
    return [...Deno.readDirSync(`${lab.directory}/${side}/state/dvpn`)].map(({ name }) => name);
  } catch {
    return [];
  }
}

async function resolvConf(lab: DvpnInternet): Promise<string> {
  return await Deno.readTextFile(`${lab.etc("client")}/resolv.conf`);
}

/** Connects a client and kills both sides; the server's id. */
async function killedBoth(lab: DvpnInternet): Promise<string> {
  const { server, client, id } = await lab.connect(ALL);
  for (const process of [server, client]) {
    process.kill("SIGKILL");
    await process.status;
  }
  return id;
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  dvpnInternetTest(`${signal} undoes everything, on either side`, async (lab) => {
    const before = { client: await lab.state("client"), server: await lab.state("server") };
    const processes = await lab.connect(ALL);
    for (const side of SIDES) assert.notEqual(await lab.state(side), before[side]);
    for (const side of SIDES) {
      processes[side].kill(signal);
      const { code } = await processes[side].status;
      assert.equal(code, { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[signal]);
      await lab.isAs(side, before[side]);
      assert.deepEqual(journals(lab, side), []);
    }
  });
}

dvpnInternetTest(
  "kill -9: what is left is undone by --cleanup, or by the next start",
  async (lab) => {
    const before = { client: await lab.state("client"), server: await lab.state("server") };
    for (const way of ["--cleanup", "start"] as const) {
      const processes = await lab.connect(ALL);
      for (const side of SIDES) {
        processes[side].kill("SIGKILL");
        await processes[side].status;
        assert.notEqual(await lab.state(side), before[side]);
        assert.equal(journals(lab, side).length, 1);
      }
      // A kill switch outlives the one who threw it.
      await assert.rejects(lab.seenAs("client", AT.web[0]), /socat/);
      if (way === "--cleanup") {
        for (const side of SIDES) assert.equal(await lab.cleanUp(side), "undone\n");
      } else {
        const server = lab.start("server", "-l", "-a");
        await server.shows(/left is undone/);
        const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
        const client = lab.start("client", id);
        await client.shows(/connected over/);
        for (const process of [server, client]) {
          process.kill("SIGTERM");
          await process.status;
        }
      }
      for (const side of SIDES) await lab.isAs(side, before[side]);
    }
    assert.equal(await lab.cleanUp("client"), "nothing to undo\n");
  },
);

dvpnInternetTest(
  "kill -9: a kill switch stays closed until the next one has connected",
  async (lab) => {
    const before = await lab.state("client");
    const id = await killedBoth(lab);
    const next = lab.start("client", id, ...ALL.client, "--timeout", "20s");
    await next.shows(/left is undone/);
    for (let attempt = 0; attempt < 20; attempt++) {
      const web = AT.web[attempt % 2]!;
      await assert.rejects(lab.seenAs("client", web), /socat/);
    }
    // It has not connected, and ends in order.
    next.kill("SIGTERM");
    assert.equal((await next.status).code, 143);
    await lab.isAs("client", before);
  },
);

dvpnInternetTest(
  "kill -9: a kill switch that was left opens when the next one fails at once",
  async (lab) => {
    const before = await lab.state("client");
    const id = await killedBoth(lab);
    // Nobody can listen where a directory is that is not empty.
    const socket = `${lab.directory}/client/config/dvpn/dvpn0.sock`;
    await Deno.remove(socket);
    await Deno.mkdir(`${socket}/in-the-way`, { recursive: true });
    const next = lab.start("client", id, ...ALL.client);
    assert.notEqual((await next.status).code, 0);
    await lab.isAs("client", before);
    assert.deepEqual(journals(lab, "client"), []);
  },
);

dvpnInternetTest("the interface is taken away: that is told, and the rest undone", async (lab) => {
  const before = { client: await lab.state("client"), server: await lab.state("server") };
  const processes = await lab.connect(ALL);
  for (const side of SIDES) {
    await run(...lab.host(side).inside("ip", "link", "delete", "dvpn0"));
    assert.equal((await processes[side].status).code, 1);
    await processes[side].shows(/^dvpn: the interface dvpn0 is gone/m);
    await lab.isAs(side, before[side]);
  }
});

dvpnInternetTest("--cleanup leaves alone what belongs to one that runs", async (lab) => {
  await lab.connect(ALL);
  for (const side of SIDES) {
    const during = await lab.state(side);
    const [journal] = journals(lab, side);
    const { mode } = await Deno.stat(`${lab.directory}/${side}/state/dvpn/${journal}`);
    assert.equal(mode! & 0o777, 0o600);
    assert.equal(await lab.cleanUp(side), "nothing to undo\n");
    assert.equal(await lab.state(side), during);
  }
  assert.equal(await lab.seenAs("client", AT.web[0]), AT.server[0]);
});

dvpnInternetTest("a start that fails undoes what it has begun", async (lab) => {
  const before = await lab.state("client");
  const server = lab.start("server", "-l", "-a", "--range", "10.99.0.0/24");
  const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const lacking = lab.start("client", id, "--route", "fd00:1::/64");
  assert.equal((await lacking.status).code, 1);
  assert.match(lacking.stderr, /gives no IPv6 address/);
  await lab.isAs("client", before);
  // One of the last rules is there already, and somebody else's.
  const taken = "ip -6 rule add pref 7603 lookup main suppress_prefixlength 0";
  await run(...lab.host("client").inside(...taken.split(" ")));
  const taking = await lab.state("client");
  const failing = lab.start("client", id, ...ALL.client);
  assert.equal((await failing.status).code, 1);
  assert.match(failing.stderr, /rule add pref 7603 .*exists/);
  await lab.isAs("client", taking);
});

for (const kind of ["a file", "a link"] as const) {
  dvpnInternetTest(`name servers that the server offers; resolv.conf is ${kind}`, async (lab) => {
    const file = `${lab.etc("client")}/resolv.conf`;
    if (kind === "a link") {
      await Deno.mkdir(`${lab.etc("client")}/run`);
      await Deno.rename(file, `${lab.etc("client")}/run/resolv.conf`);
      await Deno.symlink("run/resolv.conf", file);
    }
    const before = await lab.state("client");
    const { server, client } = await lab.connect({
      server: ["--dns", AT.web[0], "--search", "vpn.example"],
      client: ["--dns", "server"],
    });
    assert.match(
      await resolvConf(lab),
      /^# .*dvpn0.*\nnameserver 198\.51\.100\.7\nsearch vpn\.example\noptions timeout:1\n$/,
    );
    // They are asked through the VPN.
    const way = ["ip", "route", "get", AT.web[0], "uid", "65534"];
    assert.match(await run(...lab.host("client").inside(...way)), /dev dvpn0/);
    server.kill("SIGTERM");
    await server.status;
    await client.shows(/the server has left/);
    await eventually(
      "the names are as before",
      async () => /example\.org/.test(await resolvConf(lab)),
    );
    client.kill("SIGTERM");
    await client.status;
    await lab.isAs("client", before);
  });
}

dvpnInternetTest("resolv.conf that is mounted by itself, as in a container", async (lab) => {
  // The kernel lets nobody replace it, so it is written over.
  const target = `${lab.directory}/mounted`;
  const perform = new URL("../../cmd/dvpn/plan/perform.ts", import.meta.url);
  const program = `
    const { perform, fileState } = await import(${JSON.stringify(perform.href)});
    const file = ${JSON.stringify(target)};
    const former = await fileState(file);
    await perform({ file, state: { text: "ours", mode: 0o644 } });
    console.log(await Deno.readTextFile(file));
    await perform({ file, state: former, insteadOf: "ours" });`;
  await Deno.writeTextFile(target, "");
  const mount = `mount --bind ${lab.etc("client")}/resolv.conf ${target} && exec "$@"`;
  const said = await run(
    ...["unshare", "-m", "sh", "-c", mount, "sh", Deno.execPath(), "eval", program],
  );
  assert.equal(said, "ours\n");
  assert.match(await resolvConf(lab), /example\.org/);
});

dvpnInternetTest("resolv.conf in a directory that is read-only", async (lab) => {
  const plan = new URL("../../cmd/dvpn/plan/perform.ts", import.meta.url);
  const etc = `${lab.directory}/etc`;
  await Deno.mkdir(etc);
  for (const name of ["target", "etc/mounted", "etc/file"]) {
    await Deno.writeTextFile(`${lab.directory}/${name}`, "before");
  }
  await Deno.symlink("../target", `${etc}/link`);
  const program = `
    const { perform } = await import(${JSON.stringify(plan.href)});
    for (const name of ["file", "link", "mounted"]) {
      const file = ${JSON.stringify(etc)} + "/" + name;
      const done = perform({ file, state: { text: "ours", mode: 0o644 } });
      const result = await done.then(() => "done", () => "failed");
      console.log(name, result, await Deno.readTextFile(file));
    }`;
  const mount = `mount --bind ${etc} ${etc} && mount -o remount,ro,bind ${etc} &&
    mount --bind ${lab.etc("client")}/resolv.conf ${etc}/mounted && exec "$@"`;
  const said = await run(
    ...["unshare", "-m", "sh", "-c", mount, "sh", Deno.execPath(), "eval", program],
  );
  assert.equal(said, "file failed before\nlink failed before\nmounted done ours\n");
});

dvpnInternetTest("resolv.conf that somebody else has written since stays", async (lab) => {
  const { client } = await lab.connect({ client: ["--dns", "198.51.100.9"] });
  assert.match(await resolvConf(lab), /^nameserver 198\.51\.100\.9$/m);
  await Deno.writeTextFile(`${lab.etc("client")}/resolv.conf`, "nameserver 192.0.2.1\n");
  client.kill("SIGTERM");
  await client.status;
  assert.equal(await resolvConf(lab), "nameserver 192.0.2.1\n");
});

dvpnInternetTest("two servers on one host: forwarding ends with the last of them", async (lab) => {
  const before = await lab.state("server");
  const forwarding = async () =>
    (await run(...lab.host("server").inside("sysctl", "-n", "net.ipv4.ip_forward"))).trim();
  const start = async (range: string, device: string) => {
    const server = lab.start("server", "-l", "-a", "--nat", "--range", range, "--device", device);
    await server.shows(/listening, id/);
    await eventually(
      "it forwards",
      async () =>
        (await run(...lab.host("server").inside("nft", "list", "tables"))).includes(device),
    );
    return server;
  };
  const first = await start("10.98.0.0/24", "dvpn0");
  const second = await start("10.99.0.0/24", "dvpn1");
  first.kill("SIGTERM");
  await first.status;
  assert.equal(await forwarding(), "1");
  second.kill("SIGTERM");
  await second.status;
  await lab.isAs("server", before);
});

dvpnInternetTest("--dry-run shows all of it, in order, and changes nothing", async (lab) => {
  const before = { client: await lab.state("client"), server: await lab.state("server") };
  const plan = lab.start("server", "-l", ...ALL.server, "--dry-run");
  assert.equal((await plan.status).code, 0);
  for (
    const pattern of [/^ip address add/m, /^nft /m, /masquerade/, /^sysctl -w .*ip_forward=1$/m]
  ) {
    assert.match(plan.stdout, pattern);
  }
  await lab.isAs("server", before.server);
  const server = lab.start("server", "-l", "-a", ...ALL.server);
  const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  const client = lab.start("client", id, ...ALL.client, "--dry-run");
  assert.equal((await client.status).code, 0);
  const order = [
    /^ip address add 10\.80\.77\.\d+\/24 dev dvpn0$/m,
    /^ip -4 route add 0\.0\.0\.0\/0 dev dvpn0 table/m,
    /^ip -4 rule add pref 7601 from 10\.1\.0\.2 /m,
    /^nft 'add table inet dhtnet_dvpn0_killswitch/m,
    /^ip -6 rule add pref 7604 /m,
    /^printf %s '# Written by dvpn for dvpn0/m,
  ].map((pattern) => client.stdout.search(pattern));
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  assert.ok(!order.includes(-1), client.stdout);
  await lab.isAs("client", before.client);
});
