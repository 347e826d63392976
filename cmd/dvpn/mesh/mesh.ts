import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { explainFailure } from "../../peer/failure.ts";
import { DeclineCode, type IncomingChannel, type PeerChannel } from "../../peer/peer_channel.ts";
import { describePath } from "../../peer/report.ts";
import { formatInterfaceAddress, type InterfaceAddress } from "../address/address_range.ts";
import { AddressFilter, destinationKey } from "../data/address_filter.ts";
import { admit } from "../data/downlink.ts";
import { decodeServerGreeting, encodeServerGreeting } from "../data/greeting.ts";
import type { PeerLink } from "../data/peer_link.ts";
import { Unreachable } from "../data/unreachable.ts";
import { Uplink } from "../data/uplink.ts";
import { interfacePlan } from "../plan/interface_plan.ts";
import { AppliedPlan, type NetworkPlan } from "../plan/network_plan.ts";
import type { VpnStatus } from "../status.ts";
import { runUpScript } from "../up_script.ts";
import { gateFor, peerLink, remoteAddress, type VpnContext } from "../vpn_context.ts";
import { introduce, introduced } from "./introductions.ts";
import type { Member } from "./member.ts";
import type { Roster } from "./roster.ts";
import type { VerifiedChain } from "../../../lib/identity/mod.ts";

/** How often to see whether there is a path to every member, ms. */
const WATCH_INTERVAL_MS = 1_000;

/** What a member takes part in. */
export interface MeshOptions {
  /** Name of the network. */
  readonly name: string;
  /** Who is known. */
  readonly roster: Roster;
  /** Why a device is not let in; undefined: it is. */
  readonly authorize: (peer: VerifiedChain) => string | undefined;
  /** Longest time to reach a member, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
}

/**
 * A member of a network without a server: each reaches each, over a path of their own.
 *
 * ```
 *   kernel ──▶ interface ── by destination ──▶ member: its link, or it is called
 *   kernel ◀── interface ◀── from the member's own address, for ours ── member
 * ```
 *
 * Members that are listed are called at the start, and again when they are lost; those that others
 * have spoken of, when there is a packet for them. A packet for who cannot be reached is answered.
 */
export class Mesh {
  readonly #context: VpnContext;
  readonly #options: MeshOptions;
  readonly #roster: Roster;
  readonly #own: AddressFilter;
  readonly #uplink: Uplink;
  readonly #unreachable: Unreachable;

  constructor(context: VpnContext, options: MeshOptions) {
    this.#context = context;
    this.#options = options;
    this.#roster = options.roster;
    this.#own = new AddressFilter(options.roster.own);
    this.#unreachable = new Unreachable(context.device);
    this.#uplink = new Uplink(
      context.device,
      (packet) => this.#route(packet),
      (bytes) => this.#holdOrAnswer(bytes),
    );
  }

  /**
   * Takes part until the signal.
   *
   * @param requests the channels that peers ask for
   * @throws {ToolError} when the interface cannot be set up or is gone; the signal's reason
   */
  async run(requests: AsyncIterable<IncomingChannel>): Promise<never> {
    const { host, signal } = this.#context;
    const plan = await AppliedPlan.apply(this.plan(), host);
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const taking = async () => {
      for await (const incoming of requests) void this.#take(incoming);
    };
    taking().catch(stopped.reject);
    this.#uplink.run().catch(stopped.reject);
    for (const member of this.#roster.members) this.#call(member);
    const watch = setInterval(() => this.#watchPaths(), WATCH_INTERVAL_MS);
    try {
      return await stopped.promise;
    } finally {
      clearInterval(watch);
      await plan.undo();
    }
  }

  /** What the interface is to be. */
  plan(): NetworkPlan {
    const { device, settings: { mtu } } = this.#context;
    return interfacePlan({ device: device.name, mtu, addresses: this.#roster.own, reach: [] });
  }

  /** What it is doing. */
  status(): VpnStatus {
    const { device, settings, endpoint } = this.#context;
    return {
      role: "member",
      id: endpoint.id,
      device: device.name,
      mtu: settings.mtu,
      addresses: this.#roster.own.map(formatInterfaceAddress),
      unreachable: this.#unreachable.count,
      peers: [...this.#roster.members].flatMap(({ link, ...member }) =>
        link === undefined ? [] : [{ link, addresses: agreed(member).map(({ ip }) => ip) }]
      ),
    };
  }

  #route(packet: Uint8Array): PeerLink | undefined {
    const key = destinationKey(packet);
    const member = key === undefined ? undefined : this.#roster.at(key);
    if (member === undefined || member.isCutOff) return undefined;
    if (member.link === undefined || !member.families.has(packet[0]! >> 4)) return undefined;
    member.gate?.remember(packet);
    return member.link;
  }

  /** A session outlives its path for a while. Until there is one again, nothing gets through. */
  #watchPaths(): void {
    const reachable = new Set(
      this.#context.endpoint.status().sessions.filter(({ path }) => path !== undefined)
        .map(({ peer }) => peer.id),
    );
    for (const member of this.#roster.members) {
      if (member.link !== undefined) member.hasPath(reachable.has(member.id), performance.now());
    }
  }

  /** A packet for a member that is not there waits while it is called. */
  #holdOrAnswer(bytes: Uint8Array): void {
    const key = destinationKey(bytes.subarray(VNET_HEADER_BYTES));
    const member = key === undefined ? undefined : this.#roster.at(key);
    if (member !== undefined && member.link === undefined && !member.rests(performance.now())) {
      this.#call(member);
      if (member.hold(bytes)) return;
    }
    this.#unreachable.take(bytes);
  }

  /** Calls a member unless something is going on with it already. */
  #call(member: Member): void {
    const { signal } = this.#context;
    if (!member.isIdle || member.rests(performance.now()) || signal.aborted) return;
    const call = new AbortController();
    member.call = call;
    this.#connect(member, AbortSignal.any([signal, call.signal])).catch((error) => {
      // Another call may have succeeded meanwhile.
      if (member.link !== undefined || signal.aborted) return;
      this.#context.report.detail(`${member.id}: ${messageOf(error)}`);
    }).finally(() => {
      if (member.call === call) member.call = undefined;
      this.#afterwards(member);
    });
  }

  async #connect(member: Member, signal: AbortSignal): Promise<void> {
    const { endpoint } = this.#context;
    const { name, authorize, timeoutMs } = this.#options;
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    const channel = await endpoint.connect(member.id, channelName(name), { signal, ...limit });
    const session = endpoint.status().sessions.find(({ peer }) => peer.id === member.id);
    const refusal = session === undefined ? undefined : authorize(session.peer);
    if (refusal !== undefined || member.link !== undefined) {
      channel.reset();
      throw new Error(refusal ?? "it has called us meanwhile");
    }
    await this.#join(member, channel);
  }

  async #take(incoming: IncomingChannel): Promise<void> {
    const { peer, name } = incoming;
    if (name === introductionName(this.#options.name)) return await this.#hear(incoming);
    if (name !== channelName(this.#options.name)) {
      const reason =
        `this device takes part in the VPN ${this.#options.name} and serves nothing else`;
      return incoming.decline(DeclineCode.notAllowed, reason);
    }
    const member = this.#roster.meet(peer.id);
    if (member === undefined) {
      return incoming.decline(DeclineCode.occupied, "there is no room for another member");
    }
    // Both have called: as with connections, the greater id's call counts.
    if (member.opening !== undefined && this.#context.endpoint.id > peer.id) {
      return incoming.decline(DeclineCode.occupied, "we are calling you");
    }
    member.call?.abort(new Error("it has called us meanwhile"));
    await this.#join(member, incoming.accept()).catch((error) => {
      this.#context.report.detail(`${member.id}: ${messageOf(error)}`);
    });
    this.#afterwards(member);
  }

  /** One channel to a member, from its beginning to its end; a former one ends. */
  async #join(member: Member, channel: PeerChannel): Promise<void> {
    const { device, settings, report, endpoint } = this.#context;
    member.opening?.close();
    member.link?.close();
    const link = peerLink(this.#context, member.id, channel);
    member.opening = link;
    try {
      await link.greet(encodeServerGreeting({
        mtu: settings.mtu,
        segmentsUdp: device.segmentsUdp,
        client: member.addresses,
        server: this.#roster.own,
      }));
      const greeting = decodeServerGreeting(await link.greeting());
      if (member.opening !== link) throw new Error("it has called us meanwhile");
      this.#agree(member, greeting.client, greeting.server);
      member.opening = undefined;
      member.link = link;
      member.gate = gateFor(this.#context, member.id);
      member.isThere();
      report.notice(
        `${member.id} is connected over ${describePath(endpoint, member.id)}: ` +
          agreed(member).map(({ ip }) => ip).join(" and "),
      );
      for (const bytes of member.release()) {
        member.gate?.remember(bytes.subarray(VNET_HEADER_BYTES));
        this.#uplink.pass(link, bytes);
      }
      this.#uplink.drain();
      this.#introduceAll(member);
      await this.#carry(member, link);
      report.notice(`${member.id} has left`);
    } finally {
      link.close();
      if (member.opening === link) member.opening = undefined;
      if (member.link === link) member.link = undefined;
    }
  }

  async #carry(member: Member, link: PeerLink): Promise<void> {
    const { device, settings, endpoint } = this.#context;
    const addresses = agreed(member);
    if (settings.script !== undefined) {
      await runUpScript(settings.script, {
        device: device.name,
        own: this.#roster.own,
        peer: addresses,
        remote: remoteAddress(endpoint, member.id),
        isClient: false,
      });
    }
    const { gate } = member;
    const from = new AddressFilter(addresses);
    const admission = { from, to: this.#own, ...gate !== undefined && { gate } };
    await link.receive(
      (bytes) => admit(bytes, device, admission, link.traffic),
      () => this.#uplink.drain(),
    );
  }

  /** Which addresses both sides mean: IPv4 depends on the lists, which may differ. */
  #agree(
    member: Member,
    ours: readonly InterfaceAddress[],
    theirs: readonly InterfaceAddress[],
  ): void {
    const same = (one: InterfaceAddress | undefined, other: InterfaceAddress | undefined) =>
      one !== undefined && one.ip === other?.ip;
    const of = (list: readonly InterfaceAddress[], family: number) =>
      list.find((one) => one.family === family);
    const families = [4, 6].filter((family) =>
      same(of(this.#roster.own, family), of(ours, family)) &&
      same(of(member.addresses, family), of(theirs, family))
    );
    member.families = new Set(families);
    if (families.includes(4) || of(member.addresses, 4) === undefined) return;
    this.#context.report.notice(
      `${member.id} uses other IPv4 addresses: it lists other members, or has another --range`,
    );
  }

  /** What becomes of a member that is gone: packets for it do not wait, and it is called again. */
  #afterwards(member: Member): void {
    const { signal } = this.#context;
    if (!member.isIdle || signal.aborted) return;
    for (const packet of member.release()) this.#unreachable.take(packet);
    const restMs = member.rest(performance.now());
    if (!member.isListed) return;
    const timer = setTimeout(() => this.#call(member), restMs);
    Deno.unrefTimer(timer);
  }

  /** Tells a new member of those that are there, and them of it. */
  #introduceAll(member: Member): void {
    const others = [...this.#roster.members].filter(({ id, link }) =>
      id !== member.id && link !== undefined
    );
    if (others.length === 0) return;
    void this.#introduce(member.id, others.map(({ id }) => id));
    for (const { id } of others) void this.#introduce(id, [member.id]);
  }

  async #introduce(to: string, ids: readonly string[]): Promise<void> {
    const { endpoint, signal, report } = this.#context;
    try {
      const name = introductionName(this.#options.name);
      await introduce(await endpoint.connect(to, name, { signal }), ids);
    } catch (error) {
      report.detail(`${to}: ${messageOf(error)}`);
    }
  }

  async #hear(incoming: IncomingChannel): Promise<void> {
    try {
      for (const id of await introduced(incoming.accept())) this.#roster.hear(id);
    } catch (error) {
      this.#context.report.detail(`${incoming.peer.id}: ${messageOf(error)}`);
    }
  }
}

/** The addresses of a member that both sides agree on. */
function agreed({ addresses, families }: Pick<Member, "addresses" | "families">) {
  return addresses.filter(({ family }) => families.has(family));
}

/** Name of the channels that carry packets: members of different networks find out at once. */
function channelName(network: string): string {
  return `dvpn-mesh://${network}`;
}

/** Name of the channels that members are introduced over. */
function introductionName(network: string): string {
  return `dvpn-members://${network}`;
}

function messageOf(error: unknown): string {
  const explained = explainFailure(error);
  return explained instanceof Error ? explained.message : String(explained);
}
