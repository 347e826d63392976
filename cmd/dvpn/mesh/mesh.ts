import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import type { IncomingChannel } from "../../peer/peer_channel.ts";
import { describePath } from "../../peer/report.ts";
import { formatInterfaceAddress } from "../address/address_range.ts";
import { AddressFilter, destinationKey } from "../data/address_filter.ts";
import { exchangePackets } from "../data/exchange_packets.ts";
import type { PeerLink } from "../data/peer_link.ts";
import { Unreachable } from "../data/unreachable.ts";
import { type Routes, Uplink } from "../data/uplink.ts";
import { interfacePlan } from "../plan/interface_plan.ts";
import { AppliedPlan, type NetworkPlan } from "../plan/network_plan.ts";
import type { VpnStatus } from "../status.ts";
import { runUpScript } from "../up_script.ts";
import { permissionsFor, remoteAddress, type VpnContext } from "../vpn_context.ts";
import { Meetings, type MeshOptions } from "./meetings.ts";
import type { Member } from "./member.ts";
import type { Roster } from "./roster.ts";

/** How often to see whether there is a path to every member, ms. */
const WATCH_INTERVAL_MS = 1_000;

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
export class Mesh implements Routes {
  readonly #context: VpnContext;
  readonly #meetings: Meetings;
  readonly #roster: Roster;
  readonly #own: AddressFilter;
  readonly #uplink: Uplink;
  readonly #unreachable: Unreachable;

  constructor(context: VpnContext, options: MeshOptions) {
    this.#context = context;
    this.#meetings = new Meetings(context, options, {
      linked: (member, link) => this.#carry(member, link),
      unreached: (packets) => packets.forEach((packet) => this.#unreachable.take(packet)),
    });
    this.#roster = options.roster;
    this.#own = new AddressFilter(options.roster.own);
    this.#unreachable = new Unreachable((answer) => context.device.write(answer));
    this.#uplink = new Uplink(context.device, this);
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
      for await (const incoming of requests) void this.#meetings.take(incoming);
    };
    taking().catch(stopped.reject);
    this.#uplink.run().catch(stopped.reject);
    for (const member of this.#roster.members) this.#meetings.call(member);
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
      peers: [...this.#roster.members].flatMap(({ link, agreed }) =>
        link === undefined ? [] : [{ link, addresses: agreed.map(({ ip }) => ip) }]
      ),
    };
  }

  /** The rules are others now. */
  rulesChanged(): void {
    for (const { id, gate } of this.#roster.members) {
      gate?.replace(permissionsFor(this.#context, id));
    }
  }

  /** The member that a packet is for, if it is there. */
  route(packet: Uint8Array): PeerLink | undefined {
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
  unrouted(bytes: Uint8Array): void {
    const key = destinationKey(bytes.subarray(VNET_HEADER_BYTES));
    const member = key === undefined ? undefined : this.#roster.at(key);
    if (member !== undefined && member.link === undefined && !member.rests(performance.now())) {
      this.#meetings.call(member);
      if (member.hold(bytes)) return;
    }
    this.#unreachable.take(bytes);
  }

  async #carry(member: Member, link: PeerLink): Promise<void> {
    const { device, settings, endpoint, report } = this.#context;
    const { gate, agreed: addresses } = member;
    report.notice(
      `${member.id} is connected over ${describePath(endpoint, member.id)}: ` +
        addresses.map(({ ip }) => ip).join(" and "),
    );
    for (const bytes of member.release()) {
      gate?.remember(bytes.subarray(VNET_HEADER_BYTES));
      this.#uplink.pass(link, bytes);
    }
    this.#uplink.drain();
    if (settings.script !== undefined) {
      await runUpScript(settings.script, {
        device: device.name,
        own: this.#roster.own,
        peer: addresses,
        remote: remoteAddress(endpoint, member.id),
        isClient: false,
      }, this.#context.signal);
    }
    const from = new AddressFilter(addresses);
    const admission = { from, to: this.#own, ...gate !== undefined && { gate } };
    await exchangePackets(link, device, this.#uplink, admission);
    report.notice(`${member.id} has left`);
  }
}
