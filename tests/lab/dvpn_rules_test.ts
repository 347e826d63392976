/** What peers reach, and what they do not: a server, and two clients of it. */
import assert from "node:assert/strict";
import { Background, eventually, run } from "./command.ts";
import type { DvpnMachine } from "./dvpn_machine.ts";
import { type DvpnSite, dvpnSiteTest } from "./dvpn_site.ts";

/** Starts a server, with rules if there are any, and connects the clients. */
async function connect(site: DvpnSite, options: string[], rules?: string): Promise<string[]> {
  const { server, clients } = site;
  const ids = await Promise.all(clients.map((client) => client.says("--id")));
  if (rules !== undefined) {
    const text = ids.reduce((all, id, index) => all.replaceAll(`CLIENT${index}`, id), rules);
    await Deno.writeTextFile(`${server.directory}/dvpn.yaml`, text);
  }
  const process = server.start("-l", "-a", ...options);
  const id = (await process.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  for (const client of clients) await client.start(id).shows(/connected over/);
  return ids;
}

async function answers(from: DvpnMachine, address: string): Promise<boolean> {
  return await from.run("ping", "-c", "2", "-i", "0.1", "-W", "1", address)
    .then(() => true, () => false);
}

/** Whether a TCP connection to the port comes about, and its bytes arrive. */
async function takes(
  from: DvpnMachine,
  to: DvpnMachine,
  address: string,
  port: number,
): Promise<boolean> {
  const target = (name: string) =>
    address.includes(":") ? `TCP6${name}:[${address}]` : `TCP4${name}:${address}`;
  const listen = `TCP${address.includes(":") ? 6 : 4}-LISTEN:${port},reuseaddr`;
  await using echo = new Background(to.host.inside("socat", listen, "EXEC:cat"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const dial = ["timeout", "2", "socat", "-T1", "-", `${target("")}:${port},connect-timeout=1`];
  const said = await run(...from.host.inside("sh", "-c", `echo hello | ${dial.join(" ")} || true`));
  echo.kill("SIGTERM");
  return said === "hello\n";
}

/** What `ping` is told. */
async function refusal(from: DvpnMachine, address: string): Promise<string> {
  return await from.run("sh", "-c", `ping -c 1 -W 2 ${address} || true`);
}

async function forbidden(server: DvpnMachine, id: string): Promise<number> {
  const { peers } = await server.status();
  return peers.find((peer: { id: string }) => peer.id === id).drops.forbidden;
}

dvpnSiteTest(
  "without rules: the server is reached; other clients, and its other addresses, are not",
  2,
  async (site) => {
    const { server, clients: [one, other] } = site;
    const [id] = await connect(site, []);
    for (const address of await server.addresses()) {
      assert.ok(await answers(one!, address));
      assert.ok(await takes(one!, server, address, 8080));
    }
    assert.equal(await forbidden(server, id!), 0);
    for (const address of await other!.addresses()) assert.ok(!await answers(one!, address));
    const before = await forbidden(server, id!);
    assert.ok(before >= 4, `${before} packets to another client`);
    // Not even by way of the kernel, for a host that forwards.
    await server.run("sysctl", "-q", "net.ipv4.ip_forward=1");
    assert.ok(!await answers(one!, (await other!.addresses())[0]));
    // The server's address in its own LAN, by way of the VPN.
    await one!.run("ip", "route", "add", "10.1.0.1/32", "dev", "dvpn0", "table", "99");
    await one!.run("ip", "rule", "add", "from", (await one!.addresses())[0], "table", "99");
    await assert.rejects(
      one!.run("ping", "-c", "2", "-W", "1", "-I", (await one!.addresses())[0], "10.1.0.1"),
    );
    assert.ok(await forbidden(server, id!) >= before + 4);
  },
);

dvpnSiteTest(
  "--client-to-client: clients reach each other, without the kernel's help",
  2,
  async (site) => {
    const { server, clients: [one, other] } = site;
    const [id] = await connect(site, ["--client-to-client"]);
    for (const address of await other!.addresses()) {
      assert.ok(await answers(one!, address));
      assert.ok(await takes(one!, other!, address, 8080));
    }
    for (const address of await one!.addresses()) assert.ok(await answers(other!, address));
    assert.equal(await forbidden(server, id!), 0);
    const [address, address6] = await other!.addresses();
    await other!.process![Symbol.asyncDispose]();
    await eventually("the other is gone", async () => (await server.status()).peers.length === 1);
    assert.match(await refusal(one!, address), /Destination Host Unreachable/);
    assert.match(await refusal(one!, address6), /Address unreachable/);
  },
);

dvpnSiteTest(
  "SIGHUP: rules and trust are read again; who is not let in any more is gone",
  2,
  async (site) => {
    const { server, clients: [one, other] } = site;
    const [oneId, otherId] = await Promise.all([one!.says("--id"), other!.says("--id")]);
    const file = `${server.directory}/dvpn.yaml`;
    const write = (allow: string[], protocol: string) =>
      Deno.writeTextFile(
        file,
        `allow: [${allow.join(", ")}]\nrules: [{ to: 0.0.0.0/0, protocol: ${protocol} }]\n`,
      );
    await write([oneId, otherId], "icmp");
    const process = server.start("-l");
    const id = (await process.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    for (const client of [one!, other!]) await client.start(id).shows(/connected over/);
    const [address] = await server.addresses();
    assert.ok(await answers(one!, address));
    assert.ok(await answers(other!, address));
    await Deno.writeTextFile(file, "rules: [");
    process.kill("SIGHUP");
    await process.shows(/the former configuration stays/);
    assert.ok(await answers(one!, address), "a mistake changes nothing");
    await write([oneId], "tcp");
    process.kill("SIGHUP");
    await process.shows(/configuration read again/);
    assert.match(await refusal(one!, address), /Packet filtered/);
    assert.ok(await takes(one!, server, address, 8080));
    await eventually("the other is gone", async () => {
      const { peers } = await server.status();
      return peers.length === 1 && peers[0].id === oneId;
    });
  },
);

dvpnSiteTest(
  "rules: who reaches which port; answers pass; all else is dropped and counted",
  2,
  async (site) => {
    const { server, clients: [one, other] } = site;
    const [oneId, otherId] = await connect(
      site,
      ["--range", "10.99.0.0/16", "--range", "fd99::/64"],
      `rules:
  - to: ["10.99.0.1:8080", "[fd99::1]:8080"]
    protocol: tcp
    allow: CLIENT0
  - to: ["10.99.0.0/16", "fd99::/64"]
    protocol: icmp
    allow: CLIENT1
`,
    );
    assert.deepEqual(await server.addresses(), ["10.99.0.1", "fd99::1"]);
    const drops = async () => [await forbidden(server, oneId!), await forbidden(server, otherId!)];
    for (const address of await server.addresses()) {
      assert.ok(await takes(one!, server, address, 8080), "a port that a rule names");
      let before = await drops();
      assert.ok(!await takes(one!, server, address, 8081), "a port that none names");
      assert.ok(!await answers(one!, address), "a protocol that none names");
      assert.ok((await drops())[0]! >= before[0]! + 3);
      assert.equal((await drops())[1], before[1]);
      before = await drops();
      assert.ok(!await takes(other!, server, address, 8080), "a client that none names");
      assert.ok(await answers(other!, address));
      assert.ok((await drops())[1]! > before[1]!);
      assert.equal((await drops())[0], before[0]);
    }
    // A rule for the clients' network means other clients, too, and their answers pass.
    for (const address of await one!.addresses()) {
      assert.ok(await answers(other!, address));
      assert.ok(await answers(server, address));
      assert.ok(await takes(server, one!, address, 9090));
      assert.ok(!await takes(other!, one!, address, 9090));
    }
  },
);

dvpnSiteTest(
  "rules in a mesh, and at a client: who calls whom makes no difference",
  2,
  async (site) => {
    const { server: held, clients: [one, client] } = site;
    const [heldId, oneId] = await Promise.all([held.says("--id"), one!.says("--id")]);
    const list = ["--member", heldId, "--member", oneId];
    const rule = (to: string) => `rules:\n  - { to: ["${to}:8080"], protocol: tcp }\n`;
    const [address] = (await one!.says("--address", heldId, ...list)).split("\n");
    await Deno.writeTextFile(`${held.directory}/dvpn.yaml`, rule(address!));
    const members = [held.start("--mesh", ...list), one!.start("--mesh", ...list)];
    await Promise.all(members.map((member) => member.shows(/is connected over/)));
    const [back] = await one!.addresses();
    assert.ok(await takes(one!, held, address!, 8080));
    assert.ok(!await takes(one!, held, address!, 8081));
    assert.ok(!await answers(one!, address!));
    assert.ok(await forbidden(held, oneId) >= 3);
    assert.ok(await answers(held, back), "answers pass");
    assert.ok(await takes(held, one!, back, 8081));
    await held.process![Symbol.asyncDispose]();
    await one!.process![Symbol.asyncDispose]();
    // A client holds its server to rules of its own.
    await Deno.remove(`${held.directory}/dvpn.yaml`);
    await Deno.writeTextFile(`${client!.directory}/dvpn.yaml`, rule("0.0.0.0/0"));
    const serving = held.start("-l", "-a");
    await serving.shows(/listening/);
    await client!.start(heldId).shows(/connected over/);
    const [server, own] = [(await held.addresses())[0], (await client!.addresses())[0]];
    assert.ok(await answers(client!, server));
    assert.ok(!await answers(held, own));
    assert.ok(await takes(held, client!, own, 8080));
    assert.ok(!await takes(held, client!, own, 8081));
  },
);
