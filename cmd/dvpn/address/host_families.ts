import type { IpFamily } from "../../../lib/ip/mod.ts";
import { sysctlValue } from "../plan/perform.ts";

/**
 * The families that an interface can have addresses of: containers and cautious administrators switch
 * IPv6 off.
 *
 * @param device the interface; undefined: one that is not there yet
 */
export function hostFamilies(device: string = "default"): readonly IpFamily[] {
  return sysctlValue(`net/ipv6/conf/${device}/disable_ipv6`) === "0" ? [4, 6] : [4];
}
