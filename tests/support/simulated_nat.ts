import { equalSocketAddress, type SocketAddress } from "../../lib/ip/mod.ts";

/** RFC 4787 §4.1 and §5: what a mapping or a filter depends on. */
export type NatBehaviour =
  | "endpoint-independent"
  | "address-dependent"
  | "address-and-port-dependent";

/** How a NAT treats packets. */
export interface NatKind {
  readonly mapping: NatBehaviour;
  readonly filtering: NatBehaviour;
}

interface Mapping {
  readonly protocol: string;
  readonly inside: SocketAddress;
  /** What the mapping was made for, as far as the behaviour looks at it. */
  readonly key: string;
  readonly port: number;
  /** Everyone this mapping has sent to. */
  readonly contacted: SocketAddress[];
}

/** Network address and port translation, for UDP packets and TCP SYNs alike. */
export class SimulatedNat {
  readonly #mappings: Mapping[] = [];
  #nextPort = 40000;

  constructor(readonly publicIp: string, readonly kind: NatKind) {}

  /** The source address that a packet from inside has outside. */
  outbound(protocol: string, inside: SocketAddress, to: SocketAddress): SocketAddress {
    const key = portion(this.kind.mapping, to);
    let mapping = this.#mappings.find((m) =>
      m.protocol === protocol && equalSocketAddress(m.inside, inside) && m.key === key
    );
    if (!mapping) {
      // Ports jump, so that nobody can rely on guessing them.
      this.#nextPort += 7;
      mapping = { protocol, inside, key, port: this.#nextPort, contacted: [] };
      this.#mappings.push(mapping);
    }
    if (!mapping.contacted.some((known) => equalSocketAddress(known, to))) {
      mapping.contacted.push(to);
    }
    return { ip: this.publicIp, port: mapping.port };
  }

  /** Where a packet from outside goes inside; undefined when it is filtered. */
  inbound(protocol: string, from: SocketAddress, port: number): SocketAddress | undefined {
    const mapping = this.#mappings.find((m) => m.protocol === protocol && m.port === port);
    if (!mapping) return undefined;
    const { filtering } = this.kind;
    const passes = mapping.contacted.some((known) =>
      portion(filtering, known) === portion(filtering, from)
    );
    return passes ? mapping.inside : undefined;
  }
}

function portion(behaviour: NatBehaviour, { ip, port }: SocketAddress): string {
  if (behaviour === "endpoint-independent") return "";
  return behaviour === "address-dependent" ? ip : `${ip} ${port}`;
}
