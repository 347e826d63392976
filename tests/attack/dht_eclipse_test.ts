import assert from "node:assert/strict";
import { bytesToHex } from "@noble/hashes/utils.js";
import { decodePacket, type DhtValue, encodePacket } from "../../lib/dht/mod.ts";
import { compactNode, joinCompactNodes } from "../../lib/dht/compact_nodes.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import { DhtNetwork } from "../support/dht_network.ts";
import { besiege, idNextTo } from "./sybil_node.ts";

/** Nodes on which requests are put, and at which a device listens: that of DhtCarrier. */
const REPLICAS = 12;
const DIALS = 10;

/** Honest nodes, each in a network of its own, that know one another. */
function honestNetwork(size: number, seed: number): DhtNetwork {
  const network = new DhtNetwork({ seed });
  for (let n = 0; n < size; n++) {
    const address = { ip: `${20 + n % 180}.${1 + Math.floor(n / 180)}.7.1`, port: 4222 };
    const { node } = network.add({}, { address });
    const entry = network.nodes[Math.floor(network.random() * n)]!;
    if (n > 0) node.bootstrap([entry.address], network.now);
    network.run(network.now + 20);
  }
  network.run(network.now + 30_000);
  return network;
}

function request(n: number): DhtValue {
  return { id: BigInt(n), type: 0, data: new Uint8Array(500).fill(n), userType: "dhtnet" };
}

/** Of so many requests, the part that reaches a besieged inbox. */
function reached(besiegers: number, addressOf: (n: number) => SocketAddress): number {
  const network = honestNetwork(80, 3), inbox = network.randomBytes(20);
  besiege(network, inbox, besiegers, addressOf);
  network.run(network.now + 60_000);
  const heard = new Set<bigint>();
  network.nodes[3]!.node.listen(inbox, {
    replicas: REPLICAS,
    onValues: (values) => values.forEach(({ id }) => heard.add(id)),
  }, network.now);
  network.run(network.now + 5_000);
  for (let n = 1; n <= DIALS; n++) {
    const { node } = network.nodes[5 * n]!;
    node.put(inbox, request(n), { permanent: true, replicas: REPLICAS }, network.now);
  }
  network.run(network.now + 5_000);
  return heard.size / DIALS;
}

Deno.test("attack: eclipse, without besiegers every request arrives", () => {
  assert.equal(reached(0, () => ({ ip: "0.0.0.0", port: 0 })), 1);
});

// With eight replicas, chosen by distance alone, four besiegers from anywhere sufficed.
Deno.test("attack: eclipse, any number of nodes on one host or in one network do not cut off an inbox", () => {
  assert.equal(reached(40, (n) => ({ ip: "198.51.100.9", port: 1000 + n })), 1, "one host");
  assert.equal(reached(40, (n) => ({ ip: `198.51.100.${n + 1}`, port: 4222 })), 1, "one network");
});

// Twelve such nodes, each in a network of its own (or two in each of six), do cut it off.
Deno.test("attack: Sybil, eleven nodes next to the inbox, each in its own network, do not cut it off", () => {
  assert.equal(reached(11, (n) => ({ ip: `203.0.${n + 1}.1`, port: 4222 })), 1);
});

Deno.test("attack: poisoned inbox, hundreds of junk values do not keep a request from arriving", () => {
  const network = honestNetwork(40, 9), inbox = network.randomBytes(20);
  let junk = 0, arrived = false;
  const where = { userType: "dhtnet" };
  network.nodes[3]!.node.listen(inbox, {
    where,
    replicas: REPLICAS,
    onValues: (values) => {
      for (const { id } of values) {
        if (id === 7n) arrived = true;
        else junk++;
      }
    },
  }, network.now);
  network.run(network.now + 2_000);
  // Two attackers put what looks like requests, and what does not.
  for (let n = 0; n < 400; n++) {
    const { node } = network.nodes[10 + n % 2]!;
    const value = { ...request(1_000 + n), data: network.randomBytes(60) };
    node.put(inbox, n % 4 === 3 ? { ...value, userType: "other" } : value, {}, network.now);
    if (n % 100 === 0) network.run(network.now + 50);
  }
  network.nodes[20]!.node.put(inbox, request(7), { replicas: REPLICAS }, network.now);
  network.run(network.now + 10_000);
  assert.ok(arrived, "the request is there");
  assert.ok(junk > 200 && junk <= 300, `${junk}: what the storers were to filter stays out`);
});

Deno.test("attack: poisoned slot, other content under a value's id keeps it from no free node", () => {
  const network = honestNetwork(40, 5), inbox = network.randomBytes(20), heard: string[] = [];
  const value = request(9), squat = { ...value, data: new Uint8Array(4) };
  network.nodes[11]!.node.put(inbox, squat, { replicas: 6 }, network.now);
  network.run(network.now + 2_000);
  network.nodes[3]!.node.listen(inbox, {
    replicas: REPLICAS,
    onValues: (values) => heard.push(...values.map(({ data }) => bytesToHex(data))),
  }, network.now);
  network.nodes[20]!.node.put(inbox, value, { replicas: REPLICAS }, network.now);
  network.run(network.now + 5_000);
  assert.ok(heard.includes(bytesToHex(value.data)));
});

Deno.test("attack: false nodes, a reply sets nobody on a stranger", () => {
  const network = honestNetwork(30, 4), key = network.randomBytes(20);
  const victim = { ip: "192.0.2.80", port: 53 };
  const liar = network.add({ id: idNextTo(key, 999) }, { address: { ip: "192.0.2.66", port: 1 } });
  liar.node.bootstrap([network.nodes[0]!.address], network.now);
  network.run(network.now + 30_000);
  // From now on it names the victim, under ever closer ids, at one port and at many.
  const answer = (bytes: Uint8Array) => {
    const packet = decodePacket(bytes);
    if (packet.kind !== "query" || (packet.name !== "find" && packet.name !== "get")) return;
    const named = Array.from(
      { length: 8 },
      (_, n) => compactNode(idNextTo(key, n), n < 4 ? victim : { ...victim, port: 5000 + n }),
    );
    return encodePacket({
      kind: "reply",
      tid: packet.tid,
      id: liar.node.id,
      nodes4: joinCompactNodes(named),
      token: new Uint8Array(16),
    });
  };
  let toVictim = 0, toPort = 0, lies = 0;
  network.tap = (bytes, from, to) => {
    if (to.ip === victim.ip) {
      toVictim++;
      if (to.port === victim.port) toPort++;
    }
    const lie = to.ip === liar.address.ip ? answer(bytes) : undefined;
    if (lie === undefined) return true;
    const asker = network.nodes.find(({ address }) => address.ip === from.ip)!;
    asker.node.handleDatagram(lie, to, network.now);
    network.flush(asker);
    lies++;
    return false;
  };
  network.nodes[3]!.node.get(key, { onValues: () => {}, onDone: () => {} }, network.now);
  network.run(network.now + 20_000);
  assert.ok(lies > 0, "the liar is asked");
  assert.ok(toPort <= 3, `${toPort} datagrams to one address: one request and its repetitions`);
  assert.ok(toVictim <= 3 * 5, `${toVictim} datagrams to one host`);
});
