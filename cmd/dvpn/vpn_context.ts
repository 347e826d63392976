import type { TunDevice } from "../../lib/net/tun/mod.ts";
import type { PeerEndpoint } from "../peer/peer_channel.ts";
import type { Report } from "../peer/report.ts";
import type { CommandRunner } from "./plan/network_plan.ts";
import type { VpnSettings } from "./settings.ts";

/** Name of the channel, as in upstream. */
export const VPN_CHANNEL = "dvpn://";

/** What both sides work with. */
export interface VpnContext {
  readonly device: TunDevice;
  readonly endpoint: PeerEndpoint;
  readonly settings: VpnSettings;
  readonly run: CommandRunner;
  readonly report: Report;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** The peer's address outside of the network, without its port; empty when there is no path. */
export function remoteAddress(endpoint: PeerEndpoint, id: string): string {
  const session = endpoint.status().sessions.find(({ peer }) => peer.id === id);
  return session?.path?.remote.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") ?? "";
}
