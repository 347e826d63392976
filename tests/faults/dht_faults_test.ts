import assert from "node:assert/strict";
import type { DhtValue } from "../../lib/dht/mod.ts";
import { DhtNetwork, type SimulatedNode } from "../support/dht_network.ts";
import { forEachSeed } from "./seeds.ts";

const SIZE = 30;
const VALUES = 12;
/** Virtual milliseconds of trouble, and of peace afterwards. */
const TROUBLE_MS = 5 * 60_000;
const PEACE_MS = 4 * 60_000;

/** A network in which nodes die, come, move, and lose sight of one another. */
class ChurningNetwork {
  readonly network: DhtNetwork;
  /** Where everybody begins: it stays where it is. */
  readonly #entry: SimulatedNode;
  /** Those who listen and put: they are not killed. */
  readonly listener: SimulatedNode;
  readonly putter: SimulatedNode;
  #others: SimulatedNode[] = [];
  #moves = 0;
  #divided = false;

  constructor(seed: number) {
    this.network = new DhtNetwork({ seed, loss: 0.05 });
    this.#entry = this.network.add();
    for (let n = 1; n < SIZE; n++) this.#join();
    [this.listener, this.putter] = [this.#others[0]!, this.#others[1]!];
    this.#others = this.#others.slice(2);
    this.network.run(20_000);
    // While it is divided, odd and even hosts do not reach each other.
    const side = (ip: string) => Number(ip.split(".")[3]) % 2;
    this.network.tap = (_bytes, from, to) => !this.#divided || side(from.ip) === side(to.ip);
  }

  #join(): void {
    const { network } = this, simulated = network.add({}, { nat: network.random() < 0.2 });
    simulated.node.bootstrap([this.#entry.address], network.now);
    network.flush(simulated);
    this.#others.push(simulated);
    network.run(network.now + 20);
  }

  /** One piece of trouble. */
  trouble(): void {
    const { network } = this, kind = network.random();
    const victim = this.#others[Math.floor(network.random() * this.#others.length)]!;
    if (kind < 0.45) {
      network.kill(victim);
      this.#others.splice(this.#others.indexOf(victim), 1);
      this.#join();
    } else if (kind < 0.6) this.#move(victim);
    else if (kind < 0.7) this.#move(this.listener);
    else if (kind < 0.8) this.#move(this.putter);
    else if (kind < 0.9) this.#divided = !this.#divided;
    else network.loss = network.random() * 0.3;
  }

  /** From now on there is peace. */
  heal(): void {
    this.#divided = false;
    this.network.loss = 0;
  }

  #move(simulated: SimulatedNode): void {
    const ip = `10.200.${this.#moves >> 8}.${++this.#moves & 255}`;
    this.network.move(simulated, { ip, port: 4222 });
    simulated.node.networkChanged(this.network.now);
    this.network.flush(simulated);
  }
}

Deno.test("faults: in a DHT whose nodes die, move and lose sight of one another, what is put is heard once", async () => {
  await forEachSeed(2, (seed) => {
    const churning = new ChurningNetwork(seed), { network, listener, putter } = churning;
    const key = network.randomBytes(20), heard: bigint[] = [], expired: bigint[] = [];
    const value = (n: number): DhtValue => ({
      id: BigInt(n),
      type: 0,
      data: new Uint8Array(40 + 120 * n).fill(n),
    });
    listener.node.listen(key, {
      replicas: 12,
      onValues: (values) => heard.push(...values.map(({ id }) => id)),
      onExpired: (ids) => expired.push(...ids),
    }, network.now);
    const end = network.now + TROUBLE_MS;
    let put = 0;
    while (network.now < end) {
      churning.trouble();
      if (put < VALUES && network.random() < 0.4) {
        const options = { permanent: true, replicas: 12 };
        putter.node.put(key, value(++put), options, network.now);
      }
      network.run(network.now + 5_000 + network.random() * 15_000);
    }
    churning.heal();
    network.run(network.now + PEACE_MS);
    const wanted = Array.from({ length: put }, (_, n) => BigInt(n + 1));
    assert.deepEqual([...new Set(heard)].sort((a, b) => Number(a - b)), wanted, "each is heard");
    // Once each; again only where the last storer of a value had told its end.
    assert.ok(heard.length <= put + expired.length, `${heard} heard, ${expired} expired`);
    let found: bigint[] = [];
    listener.node.get(key, {
      onValues: (values) => found = found.concat(values.map(({ id }) => id)),
      onDone: () => {},
    }, network.now);
    network.run(network.now + 10_000);
    assert.deepEqual(found.sort((a, b) => Number(a - b)), wanted, "each is found");
  });
});
