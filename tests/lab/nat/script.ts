import { run } from "../command.ts";
import type { NetworkNamespace } from "../namespace.ts";

/** What is to be set up in a namespace; one process does it all. */
export interface Setup {
  /** Kernel settings, made first: interfaces take over what is the default when they appear. */
  readonly sysctl?: readonly string[];
  /** Lines for `ip -batch`. */
  readonly ip?: readonly string[];
  /** Lines for `ip -6 -batch`, where IPv6 must be said. */
  readonly ip6?: readonly string[];
  /** Rules for `nft`. */
  readonly nft?: string;
}

/** Environment of a Deno that looks for no newer version of itself. */
export const QUIET_DENO = { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };

/** New interfaces use their IPv6 addresses at once, and believe no router but the configured one. */
export const SYSCTL_HOST = [
  "net.ipv6.conf.default.accept_dad=0",
  "net.ipv6.conf.default.accept_ra=0",
  "net.ipv6.conf.default.router_solicitations=0",
];

/** In addition, packets are forwarded, whatever way they come. */
export const SYSCTL_ROUTER = [
  ...SYSCTL_HOST,
  "net.ipv4.ip_forward=1",
  "net.ipv6.conf.all.forwarding=1",
  "net.ipv4.conf.all.rp_filter=0",
  "net.ipv4.conf.default.rp_filter=0",
];

/** Applies a set-up inside a namespace; nothing is done after the first line that fails. */
export async function setUp(namespace: NetworkNamespace, setup: Setup): Promise<void> {
  const { sysctl = [], ip = [], ip6 = [], nft } = setup;
  const steps = [
    ...(sysctl.length > 0 ? [`sysctl -qw ${sysctl.join(" ")}`] : []),
    ...(ip.length > 0 ? [hereDocument("ip -batch -", ip.join("\n"))] : []),
    ...(ip6.length > 0 ? [hereDocument("ip -6 -batch -", ip6.join("\n"))] : []),
    ...(nft !== undefined ? [hereDocument("nft -f -", nft)] : []),
  ];
  await run(...namespace.inside("sh", "-ec", steps.join("\n")));
}

function hereDocument(command: string, text: string): string {
  return `${command} << 'END'\n${text}\nEND`;
}
