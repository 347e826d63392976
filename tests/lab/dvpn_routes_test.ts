import assert from "node:assert/strict";
import { Background, eventually, run } from "./command.ts";
import { DVPN, environmentOf, networkOf } from "./dvpn_command.ts";
import { AT, dvpnInternetTest } from "./dvpn_internet.ts";

dvpnInternetTest("--default-route: the world sees the server, and all is undone", async (lab) => {
  const before = { client: await lab.state("client"), server: await lab.state("server") };
  assert.equal(await lab.seenAs("client", AT.web[0]), AT.client[0]);
  const { client, server } = await lab.connect({ server: ["--nat"], client: ["--default-route"] });
  for (const [index, web] of AT.web.entries()) {
    for (const user of ["nobody", "root"]) {
      assert.equal(await lab.seenAs("client", web, user), AT.server[index]);
    }
    // The server's own network is not the clients'.
    await assert.rejects(lab.seenAs("client", AT.lan[index]!), /socat/);
  }
  client.kill("SIGTERM");
  assert.equal((await client.status).code, 143);
  await lab.isAs("client", before.client);
  assert.equal(await lab.seenAs("client", AT.web[0]), AT.client[0]);
  server.kill("SIGTERM");
  assert.equal((await server.status).code, 143);
  await lab.isAs("server", before.server);
});

dvpnInternetTest(
  "--default-route: an address family that the server lacks does not leak",
  async (lab) => {
    await lab.connect({
      server: ["--nat", "--range", "10.99.0.0/24"],
      client: ["--default-route"],
    });
    assert.equal(await lab.seenAs("client", AT.web[0]), AT.server[0]);
    for (const user of ["nobody", "root"]) {
      await assert.rejects(lab.seenAs("client", AT.web[1], user), /socat/);
    }
  },
);

dvpnInternetTest("--route and --lan-access: what is named and nothing else", async (lab) => {
  const before = await lab.state("client");
  const { client } = await lab.connect({
    server: ["--nat", "--lan-access"],
    client: ["--route", "192.168.0.0/16", "--route", "2001:db8:7::/48", "--route", "fd50::/64"],
  });
  const gateways = ["192.168.50.1", "fd50::1"];
  for (const [index, lan] of AT.lan.entries()) {
    assert.equal(await lab.seenAs("client", lan), gateways[index]);
  }
  assert.equal(await lab.seenAs("client", AT.web[1]), AT.server[1]);
  assert.equal(await lab.seenAs("client", AT.web[0]), AT.client[0]);
  // A longer prefix that the host has of its own is the better one, as always.
  const own = ["ip", "-6", "route", "add", `${AT.web[1]}/128`, "via", "2001:db8:1::1"];
  await run(...lab.host("client").inside(...own));
  assert.equal(await lab.seenAs("client", AT.web[1]), AT.client[1]);
  await run(...lab.host("client").inside(...own.with(3, "delete")));
  client.kill("SIGTERM");
  await client.status;
  await lab.isAs("client", before);
});

dvpnInternetTest(
  "--nat: an address that the server gets later is not the clients', either",
  async (lab) => {
    await lab.connect({ server: ["--nat", "--lan-access"], client: ["--default-route"] });
    const server = lab.host("server");
    const who = ["socat", "TCP4-LISTEN:7,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"];
    await using _ = new Background(server.inside(...who));
    await eventually(
      "it is reached in the VPN",
      () => lab.seenAs("client", "10.80.77.1").then(() => true, () => false),
    );
    await run(...server.inside("ip", "address", "add", "192.168.50.99/24", "dev", "lan"));
    await eventually(
      "it is not reached there",
      () => lab.seenAs("client", "192.168.50.99").then(() => false, () => true),
    );
    await assert.rejects(lab.seenAs("client", "192.168.50.1"), /socat/);
  },
);

dvpnInternetTest("--route through the network that the server itself is in", async (lab) => {
  await lab.connect({ server: ["--nat"], client: ["--route", "203.0.113.0/24"] });
  // What carries the tunnel goes on beside it.
  const ping = ["ping", "-c", "2", "-i", "0.2", "-W", "2", "203.0.113.1"];
  const asUser = ["setpriv", "--reuid=nobody", "--clear-groups", ...ping];
  for (let round = 0; round < 3; round++) await run(...lab.host("client").inside(...asUser));
});

dvpnInternetTest(
  "two clients on one machine: what both need stays until the last one ends",
  async (lab) => {
    const before = await lab.state("client");
    const listen = [...DVPN, "-l", "-a", "--range", "10.90.0.0/24", ...networkOf(AT.web[0])];
    await using other = new Background(lab.inside("server", ...listen), {
      env: environmentOf(`${lab.directory}/other`),
    });
    const id = (await other.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const options = ["--default-route", "--dns", AT.web[0]];
    const { client: first } = await lab.connect({ server: ["--nat"], client: options });
    const second = lab.start("client", id, "--route", "172.20.0.0/16");
    await second.shows(/connected over/);
    // The other one has changed resolv.conf, and this one does not mean to.
    assert.doesNotMatch(second.stderr, /warning/);
    first.kill("SIGTERM");
    await first.status;
    const rules = await run(...lab.host("client").inside("ip", "rule"));
    assert.match(rules, /from 10\.1\.0\.2 /);
    // It may have led through the first one, and finds another way.
    const ping = lab.host("client").inside("ping", "-c", "1", "-W", "1", "10.90.0.1");
    await eventually("the second one works", () => run(...ping).then(() => true, () => false));
    second.kill("SIGTERM");
    await second.status;
    await lab.isAs("client", before);
  },
);

dvpnInternetTest("another network at the client's: the tunnel follows", async (lab) => {
  await lab.connect({ server: ["--nat"], client: ["--default-route"] });
  assert.equal(await lab.seenAs("client", AT.web[0]), AT.server[0]);
  await lab.moveClient();
  const ms = await lab.isSeenAs("client", AT.web[0], AT.server[0]);
  console.log(`moved: through the server again after ${ms} ms`);
  const rules = await run(...lab.host("client").inside("ip", "rule"));
  assert.match(rules, /from 10\.9\.0\.2 /);
  assert.doesNotMatch(rules, /from 10\.1\.0\.2 /);
});

for (const [what, args] of [["", []], [" and --kill-switch", ["--kill-switch"]]] as const) {
  dvpnInternetTest(
    `the server falls silent and comes back: --default-route${what}`,
    async (lab) => {
      const before = await lab.state("client");
      const { server, client } = await lab.connect({
        server: ["--nat"],
        client: ["--default-route", ...args],
      });
      assert.equal(await lab.seenAs("client", AT.web[0]), AT.server[0]);
      server.kill("SIGSTOP");
      const silentMs = performance.now();
      if (args.length === 0) {
        await lab.isSeenAs("client", AT.web[0], AT.client[0]);
        console.log(
          `silent: its own way again after ${(performance.now() - silentMs).toFixed(0)} ms`,
        );
      } else {
        await client.shows(/trying to come back/, 60_000);
        for (const user of ["nobody", "root"]) {
          for (const web of AT.web) await assert.rejects(lab.seenAs("client", web, user), /socat/);
        }
      }
      server.kill("SIGCONT");
      await lab.isSeenAs("client", AT.web[0], AT.server[0], 40_000);
      client.kill("SIGTERM");
      await client.status;
      await lab.isAs("client", before);
    },
  );
}
