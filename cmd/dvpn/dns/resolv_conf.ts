/** The name servers that programs are to ask, and the domains that short names are looked up in. */
export interface NameSettings {
  /** Addresses of name servers; none leaves those of the host. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
}

/** The C library's resolver asks no more than these (resolv.conf(5), MAXNS). */
export const MAX_NAME_SERVERS = 3;
/** Most domains that short names are looked up in. */
export const MAX_SEARCH_DOMAINS = 6;

/**
 * The text of `/etc/resolv.conf` for the time of the tunnel. Options of the former one stay, and
 * so do its domains, unless there are others.
 *
 * @param device the interface, for people who wonder who wrote this
 */
export function resolvConf(
  former: string,
  { servers, search }: NameSettings,
  device: string,
): string {
  const lines = former.split("\n").map((line) => line.trim());
  const kept = (pattern: RegExp) => lines.filter((line) => pattern.test(line));
  return [
    `# Written by dvpn for ${device}; what was here before comes back when it ends.`,
    ...servers.length > 0 ? servers.map((ip) => `nameserver ${ip}`) : kept(/^nameserver\s/),
    ...search.length > 0 ? [`search ${search.join(" ")}`] : kept(/^(search|domain)\s/),
    ...kept(/^(options|sortlist)\s/),
    "",
  ].join("\n");
}
