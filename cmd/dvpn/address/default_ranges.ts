import { createHash } from "node:crypto";

/** As in upstream's sample configuration. */
const IPV4_RANGE = "10.80.77.0/24";

/**
 * The networks of a server that names none. IPv6 is a unique local network of the server's own (RFC
 * 4193 §3.2.2, with its id in place of a random number), so that a client of two servers can tell
 * them apart.
 *
 * @param id the server's
 */
export function defaultRanges(id: string): string[] {
  const digest = createHash("sha256").update(`dhtnet vpn network\0${id}`).digest("hex");
  const [first, second, third] = [digest.slice(0, 2), digest.slice(2, 6), digest.slice(6, 10)];
  return [IPV4_RANGE, `fd${first}:${second}:${third}:1::/64`];
}
