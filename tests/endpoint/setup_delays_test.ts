/** How many one-way delays a call takes, in virtual time: nothing else takes time there. */
import assert from "node:assert/strict";
import { Answerer } from "../../lib/endpoint/answer.ts";
import type { EndpointContext, Established } from "../../lib/endpoint/context.ts";
import { dialPeer } from "../../lib/endpoint/dial.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { PeerSession } from "../../lib/endpoint/peer_session.ts";
import type { SignallingCarrier } from "../../lib/endpoint/signalling/mod.ts";
import { type Identity, verifyChain } from "../../lib/identity/mod.ts";
import { quicCertificate, turnOfEventLoop } from "../../lib/net/mod.ts";
import { pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import type { ChannelRequest } from "../../lib/session/mod.ts";
import { clockOf, simulatedGathering } from "../support/simulated_gathering.ts";
import type { NatKind } from "../support/simulated_nat.ts";
import { type Datagram, SimulatedNetwork } from "../support/simulated_network.ts";
import { THROWAWAY_NOW, throwawayIdentity } from "../support/throwaway_identity.ts";

const DELAY_MS = 25;
/** A message by the DHT: to the node that keeps it, and from there. */
const DHT_DELAYS = 2;
const PORT = 4000;
const MODERATE: NatKind = {
  mapping: "endpoint-independent",
  filtering: "address-and-port-dependent",
};
/** Turns in which promises that need no time are settled. */
const TURNS = 10;

/** Two devices behind port-restricted NATs; the one calls, the other echoes what it gets. */
class Setting {
  readonly network = new SimulatedNetwork({ delayMs: DELAY_MS });
  readonly sessions: PeerSession[] = [];
  #answerer!: Answerer;

  static async create(): Promise<Setting> {
    const setting = new Setting();
    await quicCertificate(); // made once in a process, and not in virtual time
    const listener = await setting.#context("listener", 2);
    setting.#answerer = new Answerer(listener, {
      refusal: () => undefined,
      resumable: () => undefined,
      established: (established) => void setting.begin(established, false),
    }, 1);
    return setting;
  }

  /** Dials; the session as soon as there is one. */
  async dial(): Promise<PeerSession> {
    const context = await this.#context("dialler", 1);
    const { id } = await throwawayIdentity("listener");
    return this.begin(await dialPeer(context, id, new AbortController().signal), true);
  }

  begin({ keys, peer, pipe, lasting }: Established, outgoing: boolean): PeerSession {
    const clock = clockOf(this.network.clock);
    const echo = async (request: ChannelRequest) => {
      const channel = request.accept(), buffer = new Uint8Array(100);
      const count = await channel.read(buffer);
      await channel.write(buffer.subarray(0, count!));
    };
    const session = new PeerSession({
      ...{ peer, keys, pipe, lasting, clock, outgoing, servesUs: true },
      onChannel: (_peer, request) => void echo(request).catch(() => {}),
      onPipeLost: (session) => session.fail("lost"),
      onOver: () => {},
    });
    this.sessions.push(session);
    return session;
  }

  /** Lets virtual time pass until the work is done. */
  async elapse<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => done = true);
    settled.catch(() => {});
    for (let i = 0; i < TURNS; i++) await turnOfEventLoop();
    while (!done) {
      let stepped = false;
      this.network.clock.run(60_000, () => stepped || !(stepped = true));
      assert.ok(this.network.clock.now < 60_000, "it comes to an end");
      for (let i = 0; i < TURNS && !done; i++) await turnOfEventLoop();
    }
    return await settled;
  }

  async #context(name: "dialler" | "listener", site: number): Promise<EndpointContext> {
    const [dialler, listener] = await Promise.all(
      ["dialler", "listener"].map((name) => throwawayIdentity(name)),
    ) as [Identity, Identity];
    const verified = await Promise.all(
      [dialler, listener].map(({ chain }) => verifyChain(chain, THROWAWAY_NOW)),
    );
    const publicIp = `203.0.113.${site}`, local = { ip: `10.0.${site}.2`, port: PORT };
    const nat = this.network.nat(publicIp, MODERATE), host = this.network.host(local.ip, nat);
    const server = { ip: "203.0.113.99", port: 3478 };
    const mapped = nat.nat!.outbound("udp", local, server); // as STUN would tell
    return {
      identity: name === "dialler" ? dialler : listener,
      carrier: this.#carrier(),
      clock: clockOf(this.network.clock),
      random: this.network.random.bytes,
      kem: pureMlKem768(this.network.random.bytes),
      transport: "auto",
      gather: () => Promise.resolve(simulatedGathering(host, local, mapped)),
      verifyChain: (chain) => {
        const known = chain[0]!.every((byte, i) => byte === dialler.chain[0]![i]);
        return Promise.resolve(verified[known ? 0 : 1]!);
      },
      listening: () => name === "listener",
      doors: undefined,
      doorPort: () => undefined,
      datagramsHeard: () => 0,
      explainSilence: () => new ConnectError("unreachable", "silence"),
    };
  }

  #carrier(): SignallingCarrier {
    const later = (step: () => void) => this.network.clock.after(DHT_DELAYS * DELAY_MS, step);
    return {
      request: (_id, sealed, { accept } = {}) =>
        new Promise((resolve) =>
          later(() =>
            this.#answerer.receive(
              sealed,
              (answer) => later(async () => await accept?.(answer) && resolve(answer)),
              "dht",
            )
          )
        ),
      listen: () => Promise.reject(new Error("not here")),
    };
  }
}

/** The first byte there and back. */
async function echo(session: PeerSession): Promise<void> {
  const channel = session.open("echo");
  await channel.write(Uint8Array.of(42));
  const buffer = new Uint8Array(1);
  assert.equal(await channel.read(buffer), 1);
  assert.equal(buffer[0], 42);
}

async function close(setting: Setting): Promise<void> {
  for (const session of setting.sessions) session.fail("the test is over");
  await setting.elapse(Promise.all(setting.sessions.map((session) => session.close())));
}

Deno.test("eight one-way delays from dial to first echoed byte, moderate × moderate", async () => {
  const setting = await Setting.create();
  const session = await setting.elapse(setting.dial());
  // request, answer: four; a check and its answer: two
  assert.equal(setting.network.clock.now / DELAY_MS, 6);
  await setting.elapse(echo(session));
  assert.equal(setting.network.clock.now / DELAY_MS, 8);
  await close(setting);
});

Deno.test("the listener stays on its port until its application had time to answer", async () => {
  const setting = await Setting.create();
  const USE_CANDIDATE = 0x25;
  let nominatedAt: number | undefined;
  setting.network.tap = ({ bytes, from }: Datagram) => {
    const nominates = bytes[0] === 0 && bytes.some((_, i) =>
      i % 4 === 0 && i >= 20 &&
      bytes[i] === 0 && bytes[i + 1] === USE_CANDIDATE && bytes[i + 2] === 0 && bytes[i + 3] === 0
    );
    if (nominates && from.ip === "10.0.1.2") nominatedAt ??= setting.network.clock.now;
    return true;
  };
  const session = await setting.elapse(setting.dial());
  await setting.elapse(echo(session));
  assert.equal(nominatedAt, undefined, "not nominated while the first bytes are on their way");
  const clock = clockOf(setting.network.clock);
  await setting.elapse(new Promise<void>((done) => clock.setTimer(clock.now() + 25, done)));
  assert.equal(nominatedAt! / DELAY_MS, 8.8);
  await close(setting);
});
