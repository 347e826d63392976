import type { Identity, VerifiedChain } from "../identity/mod.ts";
import { DhtNode } from "../dht/mod.ts";
import { IceAgent, type Path } from "../ice/mod.ts";
import { Session, type SessionKeys } from "../session/mod.ts";
import { decodeOffer, encodeOffer } from "./offer.ts";
import { sleep } from "./sleep.ts";
import { isEarlyDatagram } from "./early_pipe.ts";
import type { KeyEncapsulation } from "../noise/mod.ts";
import { type ChainVerifier, createRequest, Listening, RequestGuard } from "./signalling/mod.ts";
import { type Clock, prepareQuic, turnOfSockets } from "../net/mod.ts";

/** Addresses for documentation (RFC 5737); nothing is sent to them. */
const [OURS, THEIRS] = ["192.0.2.1", "192.0.2.2"].map((ip) => ({ ip, port: 9 })) as [
  { ip: string; port: number },
  { ip: string; port: number },
];
const MAX_TURNS = 8;
/** A sealed request with its certificates; more than one packet of the DHT. */
const REQUEST_BYTES = 2_300;

let rehearsed = false;

/** What a rehearsal is made with. */
export interface RehearsalOptions {
  readonly identity: Identity;
  readonly random: (length: number) => Uint8Array;
  readonly kem: KeyEncapsulation;
  readonly verifyChain: ChainVerifier<VerifiedChain>;
  readonly clock: Clock;
}

/**
 * Calls ourselves in memory, from the request to the first byte. The first call of a process costs
 * some 50 ms of processor time more than later ones, because every function on the way is compiled,
 * and the TLS library seeds its generator; each side spends that on the critical path. So it is
 * spent before, once: by a listener when it is idle, by a dialler while it waits. Nothing leaves
 * the process. Never throws.
 *
 * @param delayMs when to begin
 * @param signal ends it between two of its acts
 */
export async function rehearseAfter(
  delayMs: number,
  options: RehearsalOptions,
  signal: AbortSignal,
): Promise<void> {
  await sleep(options.clock, delayMs, signal);
  if (!signal.aborted) await rehearse(options, signal);
}

async function rehearse(options: RehearsalOptions, signal: AbortSignal): Promise<void> {
  if (rehearsed) return;
  rehearsed = true;
  try {
    for (const act of ACTS) {
      if (signal.aborted) return;
      await act(options);
      await turnOfSockets(); // what has come meanwhile goes first
    }
  } catch {
    // the call itself will tell
  }
}

/** Request and answer between a device and itself. */
async function rehearseSignalling(options: RehearsalOptions): Promise<void> {
  const { identity, random, kem, verifyChain } = options;
  const common = { identity, random, kem, verifyChain, wallClock: Date.now };
  const agent = new IceAgent({ controlling: true, random, now: 0 });
  agent.addLocalCandidate({ transport: "udp", type: "host", address: OURS });
  const offer = encodeOffer({ ...agent.local, candidates: agent.localCandidates() }, {});
  const encapsulationKeys = await kem.generateKeyPair();
  const dialling = createRequest({ ...common, listenerId: identity.id, offer, encapsulationKeys });
  const listening = new Listening({ ...common, guard: new RequestGuard() });
  const request = await listening.readRequest(dialling.sealed, { source: "", now: 0 });
  decodeOffer(request.body);
  await dialling.readAnswer(request.accept(offer).sealed);
}

/** A value of a request's size from one node of a network of two to the other. */
function rehearseDht({ random }: RehearsalOptions): void {
  const common = { families: [4], networkId: 0, random, now: 0, wallClock: () => 0 } as const;
  const ends = [[new DhtNode(common), OURS], [new DhtNode(common), THEIRS]] as const;
  const [near, far] = [ends[0][0], ends[1][0]];
  const deliver = (now: number) => {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      for (const [index, [node]] of ends.entries()) {
        node.handleTimeout(now);
        const [peer] = ends[1 - index]!;
        for (let out = node.pollTransmit(); out; out = node.pollTransmit()) {
          peer.handleDatagram(out.bytes, ends[index]![1], now);
        }
      }
    }
  };
  const key = random(20), userType = "", where = { userType };
  far.listen(key, { where, onValues: () => {} }, 0);
  near.bootstrap([THEIRS], 0);
  deliver(0);
  near.put(key, { id: 1n, type: 0, userType, data: random(REQUEST_BYTES) }, {}, 1);
  deliver(1);
}

/** Checks and nomination between two agents. */
function rehearseChecks({ random }: RehearsalOptions): void {
  const [dialler, listener] = [true, false].map((controlling) =>
    new IceAgent({ controlling, random, now: 0 })
  ) as [IceAgent, IceAgent];
  const ends = [[dialler, listener, OURS], [listener, dialler, THEIRS]] as const;
  for (const [agent, peer, address] of ends) {
    agent.addLocalCandidate({ transport: "udp", type: "host", address });
    peer.setRemote(agent.local);
    for (const candidate of agent.localCandidates()) peer.addRemoteCandidate(candidate);
    peer.endOfRemoteCandidates();
  }
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    for (const [agent, peer] of ends) {
      agent.handleTimeout(turn);
      for (let out = agent.pollTransmit(); out; out = agent.pollTransmit()) {
        const { local, remote } = out.path;
        const path: Path = { transport: "udp", local: remote, remote: local };
        if (!isEarlyDatagram(out.bytes)) peer.handlePacket(out.bytes, path, turn);
      }
      agent.pairs();
      agent.pollEvent();
      agent.pollTimeout();
    }
  }
}

/** A channel with a first byte and its echo between two sessions. */
async function rehearseSession({ random }: RehearsalOptions): Promise<void> {
  const [send, receive, handshakeHash] = [random(32), random(32), random(32)];
  const session = (initiator: boolean, keys: SessionKeys): Session =>
    new Session({
      initiator,
      keys,
      now: 0,
      onChannel: (request) => void request.accept().write(Uint8Array.of(0)),
      onTransmit: () => {},
      onClose: () => {},
    });
  const dialler = session(true, { send, receive, handshakeHash });
  const listener = session(false, { send: receive, receive: send, handshakeHash });
  dialler.attach(0);
  listener.attach(0);
  const channel = dialler.open("");
  channel.write(Uint8Array.of(0)).catch(() => {});
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    for (const [from, to] of [[dialler, listener], [listener, dialler]] as const) {
      for (let out = from.pollTransmit(turn); out; out = from.pollTransmit(turn)) {
        to.receive(out, turn);
      }
    }
  }
  await channel.read(new Uint8Array(1));
  dialler.close(1);
  listener.close(1);
}

/** Short ones, so that what arrives between them does not wait long. */
const ACTS = [rehearseChecks, rehearseSession, rehearseSignalling, rehearseDht, prepareQuic];
