import { Background } from "./command.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** Which protocols a router's port mapping daemon speaks. */
export interface MiniupnpdOptions {
  /** Which device description it gives; 2 when absent. */
  readonly igd?: 1 | 2;
  /** Whether UPnP is on; true when absent. */
  readonly upnp?: boolean;
  /** Whether NAT-PMP and PCP are on; true when absent. */
  readonly natPmp?: boolean;
}

/** Chains that the router's table must have and jump to, from forward, prerouting and postrouting. */
export const MINIUPNPD_CHAINS = {
  forward: "miniupnpd",
  prerouting: "prerouting_miniupnpd",
  postrouting: "postrouting_miniupnpd",
} as const;

/** Where the daemon works. */
export interface MiniupnpdPlace {
  readonly namespace: NetworkNamespace;
  /** The table of family inet that holds {@linkcode MINIUPNPD_CHAINS}. */
  readonly table: string;
  /** The clients' network, in CIDR notation. */
  readonly clients: string;
  /** For its configuration file. */
  readonly directory: string;
}

/**
 * Debian's miniupnpd on a router with the interfaces `lan` and `wan`. It maps nothing when the address
 * of `wan` is private or for documentation (RFC 1918, RFC 5737, RFC 6598).
 */
export async function startMiniupnpd(
  { namespace, table, clients, directory }: MiniupnpdPlace,
  options: MiniupnpdOptions = {},
): Promise<Background> {
  const yes = (on: boolean) => on ? "yes" : "no";
  const configuration = [
    "ext_ifname=wan",
    "listening_ip=lan",
    "port=5000",
    `enable_upnp=${yes(options.upnp ?? true)}`,
    `enable_natpmp=${yes(options.natPmp ?? true)}`,
    `force_igd_desc_v1=${yes(options.igd === 1)}`,
    "secure_mode=yes",
    "min_lifetime=5",
    "max_lifetime=86400",
    "uuid=6aa3c2f0-0b0a-4c8e-9f43-1c5a3d6b7e10",
    `upnp_table_name=${table}`,
    `upnp_nat_table_name=${table}`,
    `upnp_forward_chain=${MINIUPNPD_CHAINS.forward}`,
    `upnp_nat_chain=${MINIUPNPD_CHAINS.prerouting}`,
    `upnp_nat_postrouting_chain=${MINIUPNPD_CHAINS.postrouting}`,
    `allow 1024-65535 ${clients} 1024-65535`,
    "deny 0-65535 0.0.0.0/0 0-65535",
  ];
  const file = `${directory}/${namespace.name}-miniupnpd`;
  await Deno.writeTextFile(`${file}.conf`, configuration.join("\n") + "\n");
  const daemon = new Background(
    namespace.inside("/usr/sbin/miniupnpd", "-d", "-f", `${file}.conf`, "-P", `${file}.pid`),
  );
  try {
    await daemon.shows(/HTTP listening|Listening for NAT-PMP/);
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return daemon;
}
