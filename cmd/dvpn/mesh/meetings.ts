import { failureMessage } from "../../peer/failure.ts";
import { DeclineCode, type IncomingChannel, type PeerChannel } from "../../peer/peer_channel.ts";
import type { InterfaceAddress } from "../address/address_range.ts";
import { decodeServerGreeting, encodeServerGreeting } from "../data/greeting.ts";
import type { PeerLink } from "../data/peer_link.ts";
import { PacketGate } from "../rules/packet_gate.ts";
import { peerLink, permissionsFor, tellFailure, type VpnContext } from "../vpn_context.ts";
import { introduce, introduced } from "./introductions.ts";
import type { Member } from "./member.ts";
import type { Roster } from "./roster.ts";
import type { VerifiedChain } from "../../../lib/identity/mod.ts";

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

/** What is done with members. */
export interface MeetingEvents {
  /** Carries packets over a new link until it ends. */
  linked(member: Member, link: PeerLink): Promise<void>;
  /** Gets the packets that have waited for a member which cannot be reached. */
  unreached(packets: readonly Uint8Array[]): void;
}

/**
 * How members come together: one calls the other over a channel named after the network, both greet
 * with the addresses that they know, and packets may flow. When both call at once, the call of the
 * greater id counts; when one calls that is there already, it has lost the former link.
 */
export class Meetings {
  readonly #context: VpnContext;
  readonly #options: MeshOptions;
  readonly #roster: Roster;
  readonly #events: MeetingEvents;

  constructor(context: VpnContext, options: MeshOptions, events: MeetingEvents) {
    this.#context = context;
    this.#options = options;
    this.#roster = options.roster;
    this.#events = events;
  }

  /** Calls a member unless something is going on with it already. */
  call(member: Member): void {
    const { signal } = this.#context;
    if (!member.isIdle || member.rests(performance.now()) || signal.aborted) return;
    const call = new AbortController();
    member.call = call;
    this.#connect(member, AbortSignal.any([signal, call.signal])).catch((error) => {
      // Another call may have succeeded meanwhile.
      if (member.link !== undefined || signal.aborted) return;
      tellFailure(this.#context.report, member.id, error);
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
    // Ours had succeeded before it could be ended: the other side has declined it, if its id is greater.
    const yields = member.opening !== undefined && endpoint.id < member.id;
    if (refusal !== undefined || member.link !== undefined || yields) {
      channel.reset();
      throw new Error(refusal ?? "it has called us meanwhile");
    }
    await this.#join(member, channel);
  }

  /** Takes a channel that somebody asks for, if it is for this network. */
  async take(incoming: IncomingChannel): Promise<void> {
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
      tellFailure(this.#context.report, member.id, error);
    });
    this.#afterwards(member);
  }

  /** One channel to a member, from its beginning to its end; a former one ends. */
  async #join(member: Member, channel: PeerChannel): Promise<void> {
    const { device, settings } = this.#context;
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
        direct: link.datagrams.direct?.offer,
      }));
      const greeting = decodeServerGreeting(await link.greeting());
      link.hear(greeting.direct);
      if (member.opening !== link) throw new Error("it has called us meanwhile");
      this.#agree(member, greeting.client, greeting.server);
      member.opening = undefined;
      member.link = link;
      member.gate = new PacketGate(permissionsFor(this.#context, member.id));
      member.isThere();
      this.#introduceAll(member);
      await this.#events.linked(member, link);
    } finally {
      link.close();
      if (member.opening === link) member.opening = undefined;
      if (member.link === link) member.link = undefined;
    }
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
    this.#events.unreached(member.release());
    const restMs = member.rest(performance.now());
    if (!member.isListed) return;
    const timer = setTimeout(() => this.call(member), restMs);
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
      report.detail(`${to}: ${failureMessage(error)}`);
    }
  }

  async #hear(incoming: IncomingChannel): Promise<void> {
    try {
      for (const id of await introduced(incoming.accept())) this.#roster.hear(id);
    } catch (error) {
      this.#context.report.detail(`${incoming.peer.id}: ${failureMessage(error)}`);
    }
  }
}

/** Name of the channels that carry packets: members of different networks find out at once. */
function channelName(network: string): string {
  return `dvpn-mesh://${network}`;
}

/** Name of the channels that members are introduced over. */
function introductionName(network: string): string {
  return `dvpn-members://${network}`;
}
