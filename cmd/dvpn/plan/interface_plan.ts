import { formatInterfaceAddress, type InterfaceAddress } from "../address/address_range.ts";
import type { NetworkPlan } from "./network_plan.ts";

/**
 * Gives an interface its addresses and brings it up. The networks that the addresses are in become
 * reachable through it. All of it goes with the interface, but it can be taken back before.
 *
 * @param mtu bytes
 */
export function interfacePlan(
  device: string,
  mtu: number,
  addresses: readonly InterfaceAddress[],
): NetworkPlan {
  const link = ["ip", "link", "set", "dev", device];
  return [
    // without link-local addresses, which nobody routes, and the packets that come of them
    { apply: [...link, "addrgenmode", "none"] },
    { apply: [...link, "mtu", String(mtu)] },
    ...addresses.map((address) => {
      const change = [formatInterfaceAddress(address), "dev", device];
      // "nodad": addresses are given once, and IPv6 would wait a second to find that out
      const apply = ["ip", "address", "add", ...change, ...address.family === 6 ? ["nodad"] : []];
      return { apply, undo: ["ip", "address", "delete", ...change] };
    }),
    { apply: [...link, "up"], undo: [...link, "down"] },
  ];
}
