import type { PlanStep } from "../plan/network_plan.ts";

/**
 * Drops what would leave this host outside of the tunnel, be it there or not. Our own user's packets
 * pass: they carry the tunnel, and the rules of `policy.ts` keep that user's other programs in it.
 *
 * The table is replaced as a whole if a killed process has left one, so nothing gets out meanwhile.
 */
export function killSwitch(device: string, uid: number): PlanStep {
  const table = `inet ${killSwitchTable(device)}`;
  const script = `add table ${table}; delete table ${table}; table ${table} {
  chain output {
    type filter hook output priority filter; policy drop;
    oifname { "lo", "${device}" } accept
    meta skuid ${uid} accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept
    udp sport . udp dport { 68 . 67, 546 . 547 } accept
    reject with icmpx admin-prohibited
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    oifname "${device}" accept
    iifname "${device}" accept
  }
}`;
  return {
    apply: ["nft", script],
    undo: ["nft", "delete", "table", "inet", killSwitchTable(device)],
  };
}

function killSwitchTable(device: string): string {
  return `dhtnet_${nftName(device)}_killswitch`;
}

/**
 * An interface's name as a part of a table's: nftables has letters, digits and `_`. No two interfaces
 * have the same one, as a table replaces another of its name.
 */
export function nftName(device: string): string {
  return device.replaceAll(/[^A-Za-z0-9]/g, (other) => `_${other.charCodeAt(0).toString(16)}`);
}
