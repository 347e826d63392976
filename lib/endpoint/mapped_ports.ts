import type { LocalCandidateInput, Path, Transport } from "../ice/mod.ts";
import {
  equalSocketAddress,
  formatSocketAddress,
  ipFamily,
  ipScope,
  type SocketAddress,
} from "../ip/mod.ts";
import type { PortMapping } from "./datagram_port.ts";
import type { PortMapper } from "./portmap/mod.ts";

/** What {@linkcode MappedPorts} takes. */
export interface MappedPortOptions {
  /** Maps ports on the routers, where that is wanted. */
  readonly mapper: PortMapper | undefined;
  /** A port has been mapped, or is mapped elsewhere than before. */
  readonly onFound: (candidate: LocalCandidateInput) => void;
}

/** Our ports as mapped on the routers; each is a candidate when, and if, that succeeds. */
export class MappedPorts {
  readonly #options: MappedPortOptions;
  readonly #mappings = new Map<string, PortMapping>();
  readonly #mapped: Promise<void>[] = [];
  #closed = false;

  /** Maps none yet. */
  constructor(options: MappedPortOptions) {
    this.#options = options;
  }

  /** One for each port that is wanted of a NAT: it resolves when that is mapped, if ever. */
  get mapped(): readonly Promise<void>[] {
    return this.#mapped;
  }

  /** Whether a router is known to map ports, so that it is worth waiting for. */
  get areLikely(): boolean {
    if (this.#mapped.length === 0) return false;
    return this.#options.mapper!.status.some(({ protocols }) =>
      protocols.some(({ availability }) => availability === "available")
    );
  }

  /**
   * Wants a port of a private address mapped, or of a public IPv6 address let through the router's
   * firewall: that is a mapping to itself (RFC 6887 §2.2), and changes no candidate.
   */
  map(transport: Transport, internal: SocketAddress): void {
    const { mapper, onFound } = this.#options;
    const scope = ipScope(internal.ip),
      isPublic6 = scope === "global" && ipFamily(internal.ip) === 6;
    if (mapper === undefined || scope !== "private" && !isPublic6) return;
    const mapped = Promise.withResolvers<void>();
    if (!isPublic6) this.#mapped.push(mapped.promise);
    const mapping = mapper.map({
      transport,
      internal,
      onChange: (external) => {
        if (external === undefined || this.#closed) return;
        if (equalSocketAddress(external.address, internal)) return;
        mapped.resolve();
        onFound({
          transport,
          type: "srflx",
          address: external.address,
          base: internal,
          related: internal,
          server: "router",
          ...(transport === "tcp" ? { tcpType: "passive" } : {}),
        });
      },
    });
    this.#mappings.set(keyOf(transport, internal), mapping);
  }

  /** The mapping of the base of a path, which belongs to the caller from now on. */
  take({ transport, local }: Path): PortMapping | undefined {
    const key = keyOf(transport, local), mapping = this.#mappings.get(key);
    this.#mappings.delete(key);
    return mapping;
  }

  /** Takes them from the routers in the background: nobody needs those ports to be free. */
  close(): void {
    this.#closed = true;
    for (const mapping of this.#mappings.values()) mapping.close();
  }
}

function keyOf(transport: Transport, base: SocketAddress): string {
  return `${transport} ${formatSocketAddress(base)}`;
}
