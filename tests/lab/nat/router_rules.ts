import { MINIUPNPD_CHAINS } from "../miniupnpd.ts";

/**
 * How a router treats a client's connections to the outside.
 *
 * | kind | mapping | filtering | |
 * |---|---|---|---|
 * | none | no translation | none | the client has public addresses |
 * | open | endpoint-independent | endpoint-independent | full cone, for UDP; TCP as moderate |
 * | moderate | endpoint-independent | address and port-dependent | most home routers |
 * | strict | address and port-dependent | address and port-dependent | symmetric |
 *
 * The words are those of RFC 4787.
 */
export type NatKind = "none" | "open" | "moderate" | "strict";

export const NAT_KINDS: readonly NatKind[] = ["none", "open", "moderate", "strict"];

/** What the firewall lets out; what it does not is dropped without a word. */
export type Outbound = "all" | "no-udp" | "tcp-443";

export const OUTBOUNDS: readonly Outbound[] = ["all", "no-udp", "tcp-443"];

/** The routers' one table. */
export const TABLE = "dhtnet";

const MASQUERADE: Record<NatKind, string> = {
  none: "",
  open: `oifname "wan" meta nfproto ipv4 masquerade`,
  moderate: `oifname "wan" meta nfproto ipv4 masquerade`,
  strict: `oifname "wan" meta nfproto ipv4 masquerade fully-random`,
};

const FORWARD_OUT: Record<Outbound, string> = {
  "all": `iifname "lan" accept`,
  "no-udp": `iifname "lan" meta l4proto != udp accept`,
  "tcp-443": `iifname "lan" tcp dport 443 accept`,
};

/**
 * The nft rules of a router between its interfaces `lan` and `wan`. They replace the former ones in
 * one step, but for those of the port mapping daemon, which has chains of its own.
 *
 * The input chain drops what nobody asked for: otherwise a peer's early probe would occupy the
 * tuple in the connection table, and the client's own packet to that peer would get another port.
 *
 * @param client the one client that an open NAT sends everything to
 */
export function routerRules(nat: NatKind, outbound: Outbound, client: string): string {
  const { forward, prerouting, postrouting } = MINIUPNPD_CHAINS;
  const fullCone = nat === "open"
    ? `iifname "wan" meta l4proto udp dnat ip to ${client} comment "full cone"`
    : "";
  const unasked = nat === "none" ? `iifname "wan" accept` : "";
  return `
table inet ${TABLE} {
  chain ${forward} {}
  chain ${prerouting} {}
  chain ${postrouting} {}
  chain input { type filter hook input priority filter; policy drop; }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain prerouting { type nat hook prerouting priority dstnat; }
  chain postrouting { type nat hook postrouting priority srcnat; }
}
flush chain inet ${TABLE} input
flush chain inet ${TABLE} forward
flush chain inet ${TABLE} prerouting
flush chain inet ${TABLE} postrouting
table inet ${TABLE} {
  chain input {
    iifname { "lo", "lan" } accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain forward {
    ct state established,related accept
    ct status dnat accept
    jump ${forward}
    ${FORWARD_OUT[outbound]}
    ${unasked}
  }
  chain prerouting {
    jump ${prerouting}
    ${fullCone}
  }
  chain postrouting {
    jump ${postrouting}
    ${MASQUERADE[nat]}
  }
}
`;
}
