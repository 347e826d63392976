import { everyHostAddress, isOnLink } from "../../../lib/net/host_addresses.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { type AddressRange, formatAddressRange, networkAddress } from "./address_range.ts";

/**
 * A server's network is not one that this host is in already, by another server on it, say: of two
 * routes to the same network one is never used, and nothing tells which.
 *
 * @throws {ToolError} when it is
 */
export function refuseTakenNetwork(ranges: readonly AddressRange[]): void {
  for (const here of everyHostAddress()) {
    const taken = ranges.find((range) => isOnLink(here.ip, { ...networkAddress(range), name: "" }));
    if (taken === undefined) continue;
    throw new ToolError(
      ExitCode.failure,
      `${here.name} has an address in ${formatAddressRange(taken)} already, ` +
        `${here.ip}/${here.prefix}: give another network by --range`,
    );
  }
}
