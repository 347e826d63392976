import { formatSocketAddress, ipFamily, ipScope, type SocketAddress } from "../../ip/mod.ts";
import { type BindingAnswer, BindingProbes } from "./binding_probes.ts";
import { type MappingBehavior, mappingBehavior, type MappingObservation } from "./nat_behavior.ts";

/** Servers whose other address is asked, too; the word of one is enough, a second one for loss. */
const MAX_ALTERNATE_SERVERS = 2;

/** What one server said. */
export interface ServerObservation {
  readonly server: SocketAddress;
  /** From where it saw us; undefined when it gave no usable answer. */
  readonly mapped: SocketAddress | undefined;
  /** Milliseconds. */
  readonly roundTripMs: number | undefined;
  /** Whether it has a second address for discovering NAT behaviour (RFC 5780). */
  readonly discoversBehavior: boolean;
  /** Why there is no address, for people. */
  readonly failure: string | undefined;
}

/**
 * Finds the mapping behaviour of the NATs in front of one socket (RFC 5780 §4.3): asks all servers
 * at once, and the other addresses of those that have some, and compares. No I/O.
 *
 * ```
 *   servers ── Test I ──▶ mapped addresses ─┬─ no OTHER-ADDRESS ──────────────▶ compared
 *                                           └─ Tests II and III to the others ──▶ compared
 * ```
 */
export class MappingDiscovery {
  /** The questions under way: to be driven by the socket's owner. */
  readonly probes: BindingProbes;
  readonly #local: SocketAddress;
  readonly #servers = new Map<string, ServerObservation>();
  readonly #observations: MappingObservation[] = [];
  #alternateServers = 0;

  /**
   * Asks every server.
   *
   * @param local the socket's address
   * @param servers of the socket's family
   */
  constructor(
    local: SocketAddress,
    servers: readonly SocketAddress[],
    random: (length: number) => Uint8Array,
    now: number,
  ) {
    this.#local = local;
    this.probes = new BindingProbes(random);
    for (const server of servers) {
      this.#note(server, undefined, "no answer in time");
      this.probes.ask({
        to: server,
        onAnswer: (answer, now) => this.#answered(server, answer, now),
        onFailure: ({ reason }) => this.#note(server, undefined, reason),
      }, now);
    }
  }

  /** What the servers have said so far, in their order. */
  get servers(): ServerObservation[] {
    return [...this.#servers.values()];
  }

  /** What follows from all answers so far. */
  get behavior(): MappingBehavior {
    return mappingBehavior(this.#local, this.#observations);
  }

  #answered(server: SocketAddress, answer: BindingAnswer, now: number): void {
    const { mapped, other } = answer;
    this.#observations.push({ server, mapped });
    this.#note(server, answer, undefined);
    if (!isAlternate(server, other)) return;
    if (this.#alternateServers++ >= MAX_ALTERNATE_SERVERS) return;
    for (const to of [{ ip: other.ip, port: server.port }, other]) {
      this.probes.ask({
        to,
        onAnswer: ({ mapped }) => this.#observations.push({ server: to, mapped }),
        onFailure: () => {}, // what is known without it still counts
      }, now);
    }
  }

  #note(
    server: SocketAddress,
    answer: BindingAnswer | undefined,
    failure: string | undefined,
  ): void {
    this.#servers.set(formatSocketAddress(server), {
      server,
      mapped: answer?.mapped,
      roundTripMs: answer?.roundTripMs,
      discoversBehavior: isAlternate(server, answer?.other),
      failure,
    });
  }
}

/**
 * Whether a server's other address differs in both parts (RFC 5780 §7.4) and lies in the same kind
 * of network: a server on the Internet must not make us send into our own network.
 */
export function isAlternate(
  server: SocketAddress,
  other: SocketAddress | undefined,
): other is SocketAddress {
  return other !== undefined && other.ip !== server.ip && other.port !== server.port &&
    other.port !== 0 && ipFamily(other.ip) === ipFamily(server.ip) &&
    ipScope(other.ip) === ipScope(server.ip);
}
