import type { ExternalAddress } from "./external_address.ts";
import type { Grant, Lease } from "./lease.ts";
import type { MappedTransport, PortMappingProtocol } from "./protocol.ts";
import { leaseMs, nextRenewalAt } from "./timing.ts";

/** Where a mapping stands; the diagram is in gateway_client.ts. */
export type MappingState =
  /** No protocol is known to work yet. */
  | "waiting"
  /** Asked for. */
  | "requesting"
  /** It exists; renewals are under way when they have to be. */
  | "mapped"
  /** No protocol gave it; it will be tried again. */
  | "failed"
  /** Its removal is under way. */
  | "closing"
  /** Gone. */
  | "closed";

/** A mapping at one gateway. */
export interface GatewayMapping {
  /** What is mapped. */
  readonly transport: MappedTransport;
  /** The port on our host. */
  readonly internalPort: number;
  /** Where it stands. */
  readonly state: MappingState;
  /** Where it can be reached; undefined until it is known and after it is lost. */
  readonly external: ExternalAddress | undefined;
  /** Why there is none: each protocol and its reason, for people. */
  readonly reason: string | undefined;
}

/** The life of one mapping, as {@linkcode GatewayClient} keeps it. */
export class MappingRecord implements GatewayMapping, Lease {
  state: MappingState = "waiting";
  external: ExternalAddress | undefined;
  suggested: { readonly ip?: string; readonly port: number };
  /** The protocol that is asked, or was. */
  protocol: PortMappingProtocol | undefined;
  /** Of the grant. */
  externalIp: string | undefined;
  /** Of the grant. */
  externalPort = 0;
  /** When the last grant came, in milliseconds. */
  grantedAt = -Infinity;
  /** When the grant ends, in milliseconds. */
  expiresAt = Infinity;
  /** When to ask for it again, in milliseconds. */
  renewAt = Infinity;
  /** A renewal is under way. */
  renewing = false;
  /** The router has said that it lost its mappings: a refusal now means that it is gone. */
  doubtful = false;
  /** When to try again after failure, in milliseconds. */
  retryAt = Infinity;
  /** Rounds of all protocols without success. */
  failures = 0;
  /** What the router asks us to wait at least, in milliseconds. */
  retryAfterMs = 0;
  /** Protocols that refused in this round, and why. */
  readonly refused = new Map<PortMappingProtocol, string>();

  readonly id: number;
  readonly transport: MappedTransport;
  readonly internalPort: number;
  readonly lifetimeS: number;
  readonly nonce: Uint8Array;
  readonly onChange: (mapping: GatewayMapping) => void;

  /** Nothing is asked yet. */
  constructor(
    id: number,
    transport: MappedTransport,
    internalPort: number,
    lifetimeS: number,
    nonce: Uint8Array,
    onChange: (mapping: GatewayMapping) => void,
  ) {
    this.id = id;
    this.transport = transport;
    this.internalPort = internalPort;
    this.lifetimeS = lifetimeS;
    this.nonce = nonce;
    this.onChange = onChange;
    this.suggested = { port: internalPort };
  }

  get reason(): string | undefined {
    if (this.state === "mapped" || this.refused.size === 0) return undefined;
    return [...this.refused].map(([protocol, reason]) => `${protocol}: ${reason}`).join("; ");
  }

  /** The router gave it, or renewed it. */
  grant({ externalIp, externalPort, lifetimeS }: Grant, now: number): void {
    this.state = "mapped";
    this.grantedAt = now;
    this.expiresAt = now + leaseMs(lifetimeS);
    this.renewAt = nextRenewalAt(this.protocol!, this.expiresAt, now);
    this.renewing = this.doubtful = false;
    this.failures = 0;
    this.refused.clear();
    this.externalIp = externalIp;
    this.externalPort = externalPort;
    this.suggested = {
      port: externalPort,
      ...(externalIp === undefined ? {} : { ip: externalIp }),
    };
  }

  /** It is wanted anew, by any protocol. */
  reset(): void {
    this.state = "waiting";
    this.refused.clear();
    this.retryAfterMs = 0;
    this.renewing = this.doubtful = false;
  }
}
