import { isOnLink } from "../../../lib/net/host_addresses.ts";
import { formatInterfaceAddress, type InterfaceAddress } from "../address/address_range.ts";
import type { NetworkPlan } from "./network_plan.ts";

/** How an interface is to be. */
export interface InterfaceWish {
  /** Its name. */
  readonly device: string;
  /** Largest packet, bytes. */
  readonly mtu: number;
  /** Its addresses. The networks that they are in become reachable through it. */
  readonly addresses: readonly InterfaceAddress[];
  /** What else is reachable through it, where no network of the addresses holds it. */
  readonly reach: readonly InterfaceAddress[];
}

/**
 * Gives an interface its addresses and brings it up. All of it goes with the interface, but it can
 * be taken back before.
 */
export function interfacePlan({ device, mtu, addresses, reach }: InterfaceWish): NetworkPlan {
  const link = ["ip", "link", "set", "dev", device];
  const beyond = reach.filter(({ ip }) =>
    !addresses.some((one) => isOnLink(ip, { ...one, name: device }))
  );
  const steps: NetworkPlan = [
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
    ...beyond.map((address) => {
      const route = [formatInterfaceAddress(address), "dev", device];
      return { apply: ["ip", "route", "add", ...route], undo: ["ip", "route", "delete", ...route] };
    }),
  ];
  return steps.map((step) => ({ ...step, isTransient: true }));
}
