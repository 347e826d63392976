import type { PacketDevice } from "./data/packet_device.ts";
import type { IpFamily } from "../../lib/ip/mod.ts";
import type { VerifiedChain } from "../../lib/identity/mod.ts";
import type { PeerDatagrams } from "../../lib/endpoint/mod.ts";
import type { GuardedEndpoint } from "../peer/doorkeeper.ts";
import { failureMessage } from "../peer/failure.ts";
import type { PeerChannel, PeerEndpoint } from "../peer/peer_channel.ts";
import type { Report } from "../peer/report.ts";
import type { DirectPaths } from "./direct/direct_paths.ts";
import { DatagramCarriage } from "./data/carriage.ts";
import { PeerLink } from "./data/peer_link.ts";
import type { NetworkHost } from "./plan/network_plan.ts";
import { EVERYWHERE } from "./rules/network.ts";
import { type Permission, toAll } from "./rules/permission.ts";
import type { RuleBook } from "./rules/rule_book.ts";
import type { VpnSettings } from "./settings.ts";
import { ScriptError } from "./up_script.ts";

/** Name of the channel, as in upstream. */
export const VPN_CHANNEL = "dvpn://";

/** An endpoint with datagrams, which knows the certificates of its peers. */
export interface VpnEndpoint extends PeerEndpoint, GuardedEndpoint {
  /** What is going on. */
  status(): {
    /** Our DHT node, with its UDP port. */
    readonly dht: { readonly port: number };
    readonly sessions: readonly (EndpointSession & { readonly peer: VerifiedChain })[];
  };
  /** Datagrams to and from a peer, under a name. */
  datagrams(peerId: string, name: string): PeerDatagrams;
}

type EndpointSession = ReturnType<PeerEndpoint["status"]>["sessions"][number];

/** An interface, as far as both sides need it. */
export interface NamedDevice extends PacketDevice {
  /** Name of the interface. */
  readonly name: string;
}

/** What both sides work with. */
export interface VpnContext {
  readonly device: NamedDevice;
  readonly endpoint: VpnEndpoint;
  readonly settings: VpnSettings;
  /** The families that the interface can have addresses of. */
  readonly families: readonly IpFamily[];
  /** Ways beside the connections; undefined where UDP is not to be used. */
  readonly directPaths: DirectPaths | undefined;
  /** Where the interface and what leads through it are set up. */
  readonly host: NetworkHost;
  readonly report: Report;
  /** What peers may reach. */
  readonly rules: RuleBook;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** The link over a channel to a peer, with datagrams beside it. */
export function peerLink(
  { endpoint, settings, directPaths }: VpnContext,
  id: string,
  channel: PeerChannel,
): PeerLink {
  const datagrams = endpoint.datagrams(id, VPN_CHANNEL);
  const path = () => endpoint.status().sessions.find(({ peer }) => peer.id === id)?.path;
  const direct = settings.carry === "session" ? undefined : directPaths?.open(id, path());
  const carriage = new DatagramCarriage(datagrams, settings.carry, direct);
  return new PeerLink(id, channel, carriage, path);
}

/** What a peer that we are connected with may reach; everything where there are no rules. */
export function permissionsFor({ rules, endpoint }: VpnContext, id: string): Permission[] {
  const session = endpoint.status().sessions.find(({ peer }) => peer.id === id);
  return rules.permissionsOf(session?.peer ?? { id, chainIds: [id] }) ??
    EVERYWHERE.map((network) => toAll(network, true));
}

/** The peer's address outside of the network, without its port; empty when there is no path. */
export function remoteAddress(endpoint: PeerEndpoint, id: string): string {
  const session = endpoint.status().sessions.find(({ peer }) => peer.id === id);
  return session?.path?.remote.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") ?? "";
}

/** Tells why a link has ended: with `-v`, as links come and go, unless it is for the user to mend. */
export function tellFailure(report: Report, id: string, error: unknown): void {
  const text = `${id}: ${failureMessage(error)}`;
  if (error instanceof ScriptError) report.notice(text, { level: "error" });
  else report.detail(text);
}
