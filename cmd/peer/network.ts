import { ipScope } from "../../lib/ip/mod.ts";
import { hostAddresses, interfaceNames } from "../../lib/net/host_addresses.ts";
import { UsageError } from "../tool/exit_code.ts";

/** Public node of the DHT to start from, as upstream's configuration names it. */
export const DEFAULT_BOOTSTRAP = ["bootstrap.sfl.io:4222"] as const;

/**
 * Makes sure that the interfaces exist.
 *
 * @throws {UsageError} naming the ones that there are
 */
export function checkInterfaces(names: readonly string[]): void {
  if (names.length === 0) return;
  const existing = interfaceNames();
  for (const name of names) {
    if (existing.includes(name)) continue;
    throw new UsageError(`--interface: there is no ${name}, but ${existing.join(", ")}`);
  }
}

/** Whether only loopback interfaces are to be used, so that nothing leaves this machine. */
export function loopbackOnly(names: readonly string[]): boolean {
  return names.length > 0 &&
    hostAddresses({ interfaces: names }).every(({ ip }) => ipScope(ip) === "loopback");
}

/**
 * The DHT nodes to start from: those that the user names, else the public one; none where only
 * this machine is to be reached.
 */
export function bootstrapNodes(
  named: readonly string[],
  interfaces: readonly string[],
): readonly string[] {
  if (named.length > 0) return named;
  return loopbackOnly(interfaces) ? [] : DEFAULT_BOOTSTRAP;
}
