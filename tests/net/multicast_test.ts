import assert from "node:assert/strict";
import { bindUdp, hostAddresses, isOnLink, joinMulticast } from "../../lib/net/mod.ts";

const GROUP = "239.192.0.1";
const loopback = hostAddresses({ interfaces: ["lo"] });

/** A port that nobody holds, and that the system gives to nobody who asks for any. */
async function freePort(): Promise<number> {
  for (let port = 20_000 + Math.floor(Math.random() * 10_000);; port++) {
    try {
      await (await bindUdp({ ip: "0.0.0.0", port })).close();
      return port;
    } catch (error) {
      if (port === 32_000) throw error;
    }
  }
}

Deno.test("multicast: all members on loopback hear one, and answer it alone", async () => {
  const port = await freePort();
  const options = { group: GROUP, port, addresses: loopback };
  const members = await Promise.all([1, 2, 3].map(() => joinMulticast(options)));
  const [a, b, c] = members as [typeof members[0], typeof members[0], typeof members[0]];
  assert.deepEqual(a.interfaces, ["lo"]);
  const heard = new Promise<string[]>((resolve) => {
    const answers: string[] = [];
    a.onDatagram = (bytes) => {
      answers.push(new TextDecoder().decode(bytes));
      if (answers.length === 2) resolve(answers.sort());
    };
  });
  b.onDatagram = (bytes, from) => b.send(new Uint8Array([...bytes, 98]), from);
  c.onDatagram = (bytes, from) => c.send(new Uint8Array([...bytes, 99]), from);
  a.sendToGroup(new TextEncoder().encode("hello "));
  assert.deepEqual(await heard, ["hello b", "hello c"]);
  // neither its own datagram nor the answers to another
  assert.deepEqual(members.map(({ stats }) => stats.received), [2, 1, 1]);
  await Promise.all(members.map((member) => member.close()));
  const again = await bindUdp({ ip: "0.0.0.0", port });
  await again.close();
});

Deno.test("multicast: IPv6 over lo, which Linux does not route, is dropped without harm", async () => {
  const member = await joinMulticast({
    group: "ff08::101",
    port: await freePort(),
    addresses: loopback,
  });
  member.sendToGroup(new Uint8Array(1));
  await member.close();
  assert.ok(member.stats.dropped + member.stats.sent <= 1);
});

Deno.test("multicast: without an interface nothing is sent or heard", async () => {
  const member = await joinMulticast({ group: GROUP, port: await freePort(), addresses: [] });
  member.sendToGroup(new Uint8Array(1));
  member.send(new Uint8Array(1), { ip: "127.0.0.1", port: 9 });
  await member.close();
  assert.deepEqual([member.stats.sent, member.stats.dropped], [0, 1]);
});

Deno.test("multicast: a port held by a socket that does not share it", async () => {
  const holder = await bindUdp({ ip: "0.0.0.0" });
  const options = { group: GROUP, port: holder.local.port, addresses: loopback };
  await assert.rejects(joinMulticast(options), { code: "bind" });
  await holder.close();
});

Deno.test("isOnLink compares the prefix, bit by bit", () => {
  const v4 = { name: "eth0", ip: "192.0.2.130", prefix: 25 };
  assert.equal(isOnLink("192.0.2.200", v4), true);
  assert.equal(isOnLink("192.0.2.127", v4), false);
  assert.equal(isOnLink("2001:db8::1", v4), false);
  const v6 = { name: "eth0", ip: "2001:db8:0:8000::1", prefix: 49 };
  assert.equal(isOnLink("2001:db8:0:ffff::9", v6), true);
  assert.equal(isOnLink("2001:db8:0:7fff::9", v6), false);
  assert.equal(isOnLink("::1", { name: "lo", ip: "::1", prefix: 128 }), true);
});
