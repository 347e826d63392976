import { getLogger } from "@logtape/logtape";
import { parseId } from "../identity/mod.ts";
import { hasQuic, prepareQuic, quicCertificate, random, systemClock } from "../net/mod.ts";
import { ML_KEM_768 } from "../noise/mod.ts";
import type { Channel } from "../session/mod.ts";
import { Admission } from "./admission.ts";
import { Answerer } from "./answer.ts";
import { ChainCache } from "./chain_cache.ts";
import { checkOptions } from "./check_options.ts";
import { ChannelRequests, type IncomingChannel } from "./channel_requests.ts";
import { commonTransports, type EndpointContext, type Established } from "./context.ts";
import { DhtCarrier } from "./dht_carrier.ts";
import { DhtRelay } from "./dht_relay.ts";
import { DhtService } from "./dht_service.ts";
import { KnownDoors, OwnDoor } from "./door/mod.ts";
import { Gatherings } from "./gatherings.ts";
import { ServerNames, stunHosts } from "./server_names.ts";
import { type ConnectOptions, Dials } from "./dials.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import { NetworkWatch } from "./network_watch.ts";
import type { EndpointOptions } from "./options.ts";
import { answerImprovement, keepImproving, PATH_CHANNEL } from "./path_change.ts";
import type { PortMapper } from "./portmap/mod.ts";
import { DatagramPorts, type PeerDatagrams } from "./peer_datagrams.ts";
import { type PeerInfo, PeerSession } from "./peer_session.ts";
import type { TurnServer } from "./relay/mod.ts";
import { ReadyKeys } from "./ready_keys.ts";
import { awaitResumption, resume } from "./resumption.ts";
import { hasRoom } from "./session_limit.ts";
import { type CarrierListener, equalBytes, REFUSAL, winsTieBreak } from "./signalling/mod.ts";
import { explainSilence } from "./silence.ts";
import type { EndpointStatus } from "./status.ts";
import { Totals } from "./totals.ts";
import { Tracer } from "./trace.ts";

const log = getLogger(["dhtnet", "endpoint"]);

const DEFAULT_MAX_PENDING_PEERS = 64;

/**
 * A device in the network: reaches other devices by their ids and is reached under its own.
 *
 * @example Who can be reached (the module's example has a caller, too)
 * ```ts
 * import { createAuthority, createDevice } from "@dhtnet/dhtnet/identity";
 * import { Endpoint } from "@dhtnet/dhtnet";
 * import assert from "node:assert/strict";
 *
 * const identity = await createDevice("server", await createAuthority("my devices"));
 * await using server = await Endpoint.start({ identity, interfaces: ["lo"], discovery: false });
 * const greetings = server.accept("greeting");
 * await server.listen();
 * assert.ok(server.status().listening);
 * ```
 */
export class Endpoint implements AsyncDisposable {
  readonly #options: EndpointOptions;
  readonly #context: EndpointContext;
  readonly #dht: DhtService;
  readonly #gatherings: Gatherings;
  readonly #requests = new ChannelRequests();
  readonly #admission: Admission;
  readonly #answerer: Answerer;
  readonly #dials: Dials;
  readonly #sessions = new Set<PeerSession>();
  readonly #totals = new Totals();
  readonly #datagrams = new DatagramPorts();
  readonly #watch: NetworkWatch;
  readonly #door: OwnDoor;
  readonly #keys = new ReadyKeys(ML_KEM_768);
  #mapper: PortMapper | undefined;
  #dhtRelay: DhtRelay | undefined;
  #inbox: Promise<CarrierListener> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: EndpointOptions, dht: DhtService) {
    this.#options = options;
    this.#admission = new Admission(options.authorize);
    this.#dht = dht;
    const chains = new ChainCache();
    const stun = new ServerNames(stunHosts(options), systemClock);
    this.#gatherings = new Gatherings(async (transports) => ({
      transports,
      interfaces: options.interfaces,
      stunServers: await stun.addresses(),
      publicIp: (signal) => dht.publicIp(4, signal),
      turnServers: options.turn ?? [],
      relayOnly: options.relayOnly ?? false,
      mapper: this.#mapper,
      clock: systemClock,
      random,
    }), {
      clock: systemClock,
      interfaces: options.interfaces,
      keepReady: () => this.#inbox !== undefined || this.#sessions.size > 0,
    });
    this.#context = {
      identity: options.identity,
      carrier: new DhtCarrier(dht),
      clock: systemClock,
      random,
      kem: this.#keys,
      transport: hasQuic() || options.transport === "quic" ? options.transport ?? "auto" : "tcp",
      gather: (transports) => this.#gatherings.take(transports),
      verifyChain: (chain, now) => chains.verify(chain, now),
      listening: () => this.#inbox !== undefined,
      doors: options.relayOnly ? undefined : new KnownDoors(systemClock),
      doorPort: (sha256) => this.#door.port(sha256),
      explainSilence: (peerId) => explainSilence(peerId, options, dht.status()),
      datagramsHeard: () => dht.status().received,
      trace: options.trace && new Tracer(options.trace, systemClock, dht),
    };
    this.#dials = new Dials(this.#context, (established) => this.#begin(established, true));
    this.#answerer = new Answerer(this.#context, {
      refusal: (peer, resumes) => this.#refusal(peer, resumes),
      refused: (code) => this.#totals.refused(code),
      resumable: (peer, sessionId) =>
        this.#sessions.values().find((session) =>
          !session.outgoing && session.peer.id === peer.id && equalBytes(session.id, sessionId)
        ),
      established: (established) => this.#dials.arrived(this.#begin(established, false)),
    }, options.maxPendingPeers ?? DEFAULT_MAX_PENDING_PEERS);
    this.#door = new OwnDoor({
      interfaces: options.interfaces,
      isQuic: this.#context.transport === "quic",
      clock: systemClock,
      onVisit: (visit) => void this.#answerer.receiveVisit(visit),
    });
    this.#watch = new NetworkWatch({
      clock: systemClock,
      wallClock: Date.now,
      interfaces: options.interfaces,
      onChange: (ips, isOneGone) => this.#networkChanged(ips, isOneGone),
    });
  }

  #networkChanged(ips: ReadonlySet<string>, isOneGone: boolean): void {
    log.info("the network has changed: {ips}", { ips: [...ips].join(", ") });
    this.#mapper?.refresh().catch((error) => log.warn("port mapping: {error}", { error }));
    this.#dhtRelay?.networkChanged();
    this.#door.refresh();
    this.#context.doors?.clear();
    this.#dht.networkChanged().catch((error) => log.warn("DHT: {error}", { error }));
    for (const session of this.#sessions) session.networkChanged(ips, isOneGone);
  }

  /**
   * Starts an endpoint: binds its sockets and begins to join the DHT, without waiting for that.
   *
   * @throws {ConnectError} `no-network` when no address can be bound; `transport` when QUIC is
   *   demanded of a Deno without `--unstable-net`
   * @throws {TypeError} when a text or a choice among the options is none
   * @throws {RangeError} when a number among them is out of its range
   * @throws {IdentityError} when key, id and certificate are not those of one device
   */
  static async start(options: EndpointOptions): Promise<Endpoint> {
    checkOptions(options);
    const dht = await DhtService.start({ ...options, dhtClient: options.dhtClient ?? true });
    const endpoint = new Endpoint(options, dht);
    if (options.portMapping !== false && !options.relayOnly) endpoint.#startMapping();
    if (options.turn?.length) endpoint.#relayDht(options.turn);
    // What has to be asked of servers is asked before the first call needs it.
    if (options.stun?.length || options.turn?.length) {
      endpoint.#gatherings.prepare(commonTransports(endpoint.#context.transport, "auto"));
    }
    return endpoint;
  }

  /** Our id: 64 lower-case hex characters, the Ed25519 public key. */
  get id(): string {
    return this.#options.identity.id;
  }

  /**
   * Opens a channel to a peer: over the session that there is, else over a new one. Data written to
   * the channel at once travels with the request; whether the peer accepts it, `channel.opened`
   * tells.
   *
   * @param peerId 64 hex characters
   * @param channelName what the peer serves, at most 1,024 bytes of UTF-8
   * @throws {ConnectError} when the peer cannot be reached or refuses
   * @throws {ChannelError} `bad-name`; `too-many-channels`; `session-closed` if it ends just then
   * @throws {IdentityError} `invalid-id` when the id is none
   */
  async connect(
    peerId: string,
    channelName: string,
    options: ConnectOptions = {},
  ): Promise<Channel> {
    parseId(peerId);
    if (channelName === PATH_CHANNEL) throw new TypeError(`${PATH_CHANNEL} is reserved`);
    this.#throwIfClosed();
    if (options.signal?.aborted) throw abortedConnect(options.signal);
    const id = peerId.toLowerCase();
    const session = this.#sessionWith(id) ?? await this.#totals.call(this.#dials.dial(id, options));
    const channel = session.open(channelName);
    session.trace?.followChannel(channel);
    return channel;
  }

  /**
   * Makes us reachable: takes part in the DHT, announces our inbox there and keeps it announced until
   * {@linkcode close}. Resolves when the first nodes hold the announcement, or when there is no
   * node yet to hold it.
   *
   * @throws {ConnectError} `aborted` when the endpoint is closed, before or meanwhile
   */
  async listen(): Promise<void> {
    this.#throwIfClosed();
    if (this.#options.dhtClient === undefined) this.#dht.takePart();
    this.#inbox ??= this.#context.carrier.listen(
      this.id,
      (sealed, reply, source) => void this.#answerer.receive(sealed, reply, source),
    );
    await this.#inbox;
    this.#throwIfClosed();
    this.#gatherings.prepare(commonTransports(this.#context.transport, "auto"));
    if (this.#context.transport !== "tcp") await Promise.all([prepareQuic(), quicCertificate()]);
    if (!this.#options.relayOnly) await this.#door.open();
    this.#answerer.prepare();
  }

  /**
   * The channels that peers open under one name, accepted. Call {@linkcode listen} to be reachable.
   *
   * @throws {TypeError} when the name is being accepted already
   */
  accept(channelName: string): AsyncIterableIterator<Channel> {
    return this.#requests.accept(channelName);
  }

  /**
   * The channels that peers want to open under any other name, to be accepted or declined.
   *
   * @throws {TypeError} when they are being taken already
   */
  incoming(): AsyncIterableIterator<IncomingChannel> {
    return this.#requests.incoming();
  }

  /**
   * Datagrams to and from a peer, under a name that both sides use: unreliable, sealed, and of use
   * while a session with the peer runs over QUIC.
   *
   * @throws {IdentityError} `invalid-id`
   * @throws {TypeError} when the name is in use with that peer
   */
  datagrams(peerId: string, name: string): PeerDatagrams {
    parseId(peerId);
    return this.#datagrams.open(peerId.toLowerCase(), name);
  }

  /**
   * Ends all sessions with a peer, in order: what was written still arrives.
   *
   * @throws {IdentityError} `invalid-id`
   */
  async disconnect(peerId: string): Promise<void> {
    parseId(peerId);
    const sessions = [...this.#sessions].filter(({ peer }) => peer.id === peerId.toLowerCase());
    await Promise.all(sessions.map((session) => session.close()));
  }

  /**
   * Asks {@linkcode EndpointOptions.authorize} again about the peers that it let in, after its rules
   * have changed, and ends their sessions where it now refuses: every channel fails on both sides
   * with the reason. Without this, such sessions go on, but get no new channel and no new path after
   * a loss.
   *
   * @returns how many sessions were ended
   */
  reauthorize(): number {
    return this.#admission.recheck(this.#sessions);
  }

  /** What we are doing. */
  status(): EndpointStatus {
    const sessions = [...this.#sessions].map((session) => session.status());
    return {
      id: this.id,
      listening: this.#inbox !== undefined && this.#closed === undefined,
      dht: this.#dht.status(),
      sessions,
      totals: this.#totals.now(sessions),
    };
  }

  /** Ends everything in order, within seconds; nothing of ours is left in the system. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #throwIfClosed(): void {
    if (this.#closed !== undefined) throw new ConnectError("aborted", "the endpoint is closed");
  }

  async #close(): Promise<void> {
    this.#watch.close();
    const dialled = this.#dials.close();
    const gathered = this.#gatherings.close();
    this.#answerer.close();
    this.#requests.close();
    const erased = this.#keys.close();
    await this.#door.close();
    const unlistened = this.#inbox?.then((listener) => listener.close(), () => {});
    await Promise.all([...this.#sessions].map((session) => session.close()));
    this.#dhtRelay?.close(); // what has been said until now may have gone over it
    await Promise.all([dialled, gathered, erased, this.#dht.close(), unlistened]);
    await this.#mapper?.close();
  }

  /** A session over which the peer takes channels: one that we dialled, or whose peer listens. */
  #sessionWith(peerId: string): PeerSession | undefined {
    return this.#sessions.values().find(({ peer, servesUs, isEnding }) =>
      peer.id === peerId && servesUs && !isEnding
    );
  }

  #relayDht(servers: readonly TurnServer[]): void {
    const { clock, random } = this.#context, { interfaces } = this.#options;
    this.#dhtRelay = new DhtRelay({ dht: this.#dht, servers, interfaces, clock, random });
  }

  /** Finds the routers in the background: no call waits for them. */
  async #startMapping(): Promise<void> {
    const { interfaces } = this.#options;
    const { PortMapper } = await import("./portmap/mod.ts");
    if (this.#closed !== undefined) return;
    const mapper = await PortMapper.start(interfaces === undefined ? {} : { interfaces });
    if (this.#closed === undefined) this.#mapper = mapper;
    else await mapper.close();
  }

  #refusal(peer: PeerInfo, resumes: boolean): { code: number; reason: string } | undefined {
    const { id } = peer;
    const reason = this.#admission.refusal(peer);
    if (reason !== undefined) return { code: REFUSAL.policy, reason };
    if (resumes) return undefined;
    if (!hasRoom(this.#sessions, id, this.#options.maxSessions)) {
      return { code: REFUSAL.busy, reason: "too many sessions" };
    }
    if (this.#dials.has(id) && winsTieBreak(this.id, id)) {
      return { code: REFUSAL.simultaneous, reason: "we are dialling you" };
    }
    return undefined;
  }

  #begin(established: Established, outgoing: boolean): PeerSession {
    const { peer, keys, pipe, lasting, peerListens, trace } = established;
    const session: PeerSession = new PeerSession({
      peer,
      outgoing,
      servesUs: outgoing || peerListens,
      keys,
      pipe,
      lasting,
      trace,
      clock: this.#context.clock,
      onChannel: (peer, request) => {
        if (request.name !== PATH_CHANNEL) {
          if (this.#admission.permits(peer, request)) this.#requests.offer(peer, request);
        } else {
          answerImprovement(this.#context, session, request.accept())
            .catch((error) => log.debug("no better path: {error}", { error }));
        }
      },
      onDatagram: ({ id }, port, payload) => this.#datagrams.deliver(id, port, payload),
      onPipeLost: (session, loss) => {
        if (this.#closed !== undefined) session.fail("the endpoint is closed");
        // The dialler knows where to reach the listener, not the other way round.
        else if (outgoing) {
          resume(this.#context, session, loss).then(() => this.#improve(session));
        } else awaitResumption(this.#context, session, loss);
      },
      onLasting: (session) => outgoing && this.#improve(session),
      onOver: (session) => {
        this.#sessions.delete(session);
        this.#totals.over(session.status());
      },
    });
    this.#sessions.add(session);
    this.#totals.begun(session);
    this.#admission.begin(session);
    this.#datagrams.begin(session);
    if (this.#closed !== undefined) session.fail("the endpoint is closed");
    else if (outgoing && lasting === undefined) this.#improve(session);
    return session;
  }

  /** Looks for a direct path, where one is wanted. */
  #improve(session: PeerSession): void {
    if (!this.#options.relayOnly) keepImproving(this.#context, session);
  }
}
