import { formatIp, type IpFamily, ipFamily, ipScope } from "../ip/mod.ts";

/** Reports remembered; the latest of each reporter counts. */
const REPORTS_LIMIT = 64;

/** What others say our IP is: the `sa` of their replies. */
export class PublicAddress {
  readonly #reports = new Map<string, string>();

  /** A node saw us come from an IP. @param reporter its own IP: a host has one vote, however many nodes */
  report(reporter: string, seenAs: Uint8Array): void {
    if (seenAs.length !== 4 && seenAs.length !== 16) return;
    this.#reports.delete(reporter);
    this.#reports.set(reporter, formatIp(seenAs));
    if (this.#reports.size > REPORTS_LIMIT) {
      this.#reports.delete(this.#reports.keys().next().value!);
    }
  }

  /** All IPs reported of late, that with the most reporters first. */
  list(): string[] {
    const votes = new Map<string, number>();
    for (const ip of this.#reports.values()) votes.set(ip, (votes.get(ip) ?? 0) + 1);
    return [...votes].sort((a, b) => b[1] - a[1]).map(([ip]) => ip);
  }

  /**
   * The public IP that more than half of those name who saw us come from one; undefined when they
   * disagree. A node of our own network sees us at a private address, which says nothing.
   */
  agreed(family: IpFamily): string | undefined {
    const reports = [...this.#reports.values()];
    const total = reports.filter((ip) => isPublic(ip, family)).length;
    const favourite = this.list().find((ip) => isPublic(ip, family));
    return 2 * reports.filter((ip) => ip === favourite).length > total ? favourite : undefined;
  }

  /** Our address changed. */
  clear(): void {
    this.#reports.clear();
  }
}

function isPublic(ip: string, family: IpFamily): boolean {
  return ipFamily(ip) === family && ipScope(ip) === "global";
}
