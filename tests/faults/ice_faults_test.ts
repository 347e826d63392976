import assert from "node:assert/strict";
import { equalSocketAddress } from "../../lib/ip/mod.ts";
import type { NatBehaviour } from "../support/simulated_nat.ts";
import { IceHost, signalBoth, stunServer } from "../support/simulated_ice.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { forEachSeed } from "./seeds.ts";

const SERVER = { ip: "198.51.100.1", port: 3478 };
const BEHAVIOURS: NatBehaviour[] = [
  "endpoint-independent",
  "address-dependent",
  "address-and-port-dependent",
];
/** Loss, repetition, reordering and partitions until then, milliseconds; then a good network. */
const TROUBLE_MS = 40_000;

/** Two agents, each behind a NAT or behind none, in a network with troubles of its own. */
class IceSimulation {
  readonly network: SimulatedNetwork;
  readonly hosts: readonly [IceHost, IceHost];
  /** With these NATs a direct path exists for certain. */
  readonly mustMeet: boolean;
  #dividedUntil = 0;
  restarts = 0;

  constructor(seed: number) {
    this.network = new SimulatedNetwork({ delayMs: 10, seed });
    stunServer(this.network.host(SERVER.ip), SERVER);
    const left = this.#side("10.0.0.5", "203.0.113.1", true);
    const right = this.#side("192.168.1.7", "203.0.113.2", false);
    this.hosts = [left.host, right.host];
    this.mustMeet = left.easy && right.easy;
    this.network.clock.run(100);
    this.network.tap = () => this.network.clock.now >= this.#dividedUntil;
  }

  #side(inside: string, outside: string, controlling: boolean): { host: IceHost; easy: boolean } {
    const { network } = this, pick = () => BEHAVIOURS[Math.floor(network.random.next() * 3)]!;
    const natted = network.random.next() < 0.7, kind = { mapping: pick(), filtering: pick() };
    const machine = natted
      ? network.host(inside, network.nat(outside, kind))
      : network.host(outside);
    const host = new IceHost(machine, { controlling });
    host.srflx(host.udp(natted ? inside : outside), SERVER);
    return { host, easy: !natted || kind.mapping === "endpoint-independent" };
  }

  /** Now and then other troubles, and an ICE restart where a path is lost or by whim. */
  run(): void {
    const { network } = this, { random, clock } = network;
    signalBoth(...this.hosts);
    while (clock.now < TROUBLE_MS) {
      network.options = {
        delayMs: random.next() * 80,
        jitterMs: random.next() * 100,
        loss: random.next() * 0.4,
        duplication: random.next() * 0.3,
      };
      if (random.next() < 0.2) this.#dividedUntil = clock.now + random.next() * 8_000;
      if (random.next() < 0.15 && this.#isNegotiable) this.restart();
      clock.run(clock.now + 500 + random.next() * 5_000);
    }
    network.options = { delayMs: 20 };
    clock.run(TROUBLE_MS + 80_000);
    if (this.hosts.every(believes) || !this.#isNegotiable) return;
    this.restart();
    clock.run(TROUBLE_MS + 120_000);
  }

  restart(): void {
    this.restarts++;
    for (const { agent, now } of this.hosts) agent.restart(now);
    for (const host of this.hosts) host.pump();
    signalBoth(...this.hosts);
  }

  get #isNegotiable(): boolean {
    return this.hosts.every(({ agent }) => agent.state !== "closed");
  }
}

/** What an agent believes in at the end of the run. */
function believes(host: IceHost): boolean {
  return host.agent.state !== "closed" && host.agent.state !== "failed" &&
    host.nominated !== undefined;
}

Deno.test("faults: ICE agents in a bad network agree on one path, or neither believes in one", async () => {
  let met = 0, restarted = 0;
  await forEachSeed(60, (seed) => {
    const simulation = new IceSimulation(seed), [a, b] = simulation.hosts;
    simulation.run();
    restarted += simulation.restarts;
    for (const host of [a, b]) {
      const chosen = host.of("nominated").length;
      assert.ok(chosen <= 1 + simulation.restarts, "once for each generation");
    }
    assert.equal(believes(a), believes(b), `${a.agent.state}, ${b.agent.state}`);
    const closed = [a, b].some(({ agent }) => agent.state === "closed");
    if (simulation.mustMeet && !closed) assert.ok(believes(a), "they meet once there is peace");
    if (!believes(a)) return;
    met++;
    const [near, far] = [a.nominated!, b.nominated!];
    const known = a.agent.remoteCandidates().some(({ address }) =>
      equalSocketAddress(address, near.remote)
    );
    assert.ok(known, "to an address that belongs to the other");
    assert.equal(near.transport, far.transport);
    for (const { events } of [a, b]) {
      const lost = events.filter(({ event }) => event.type === "consent-lost");
      // What was lost in trouble one side notices within 30 s, and the other 30 s later.
      assert.ok(lost.every(({ at }) => at <= TROUBLE_MS + 60_000), "not while all is well");
    }
  });
  if (Deno.env.get("FAULT_SEED") === undefined) assert.ok(met > 20 && restarted > 10);
});
