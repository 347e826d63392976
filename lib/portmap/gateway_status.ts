import type { GatewayProtocols, GatewayProtocolsOptions } from "./gateway_protocols.ts";
import type { Availability, PortMappingProtocol } from "./protocol.ts";

/** What is known about a gateway. */
export interface GatewayStatus {
  /** Its address. */
  readonly gateway: string;
  /** Our address on its link. */
  readonly local: string;
  /** Its external address, where a protocol has told it. */
  readonly externalIp: string | undefined;
  /** The protocols in use, and why they are unavailable. */
  readonly protocols: readonly {
    readonly protocol: PortMappingProtocol;
    readonly availability: Availability;
    readonly reason: string | undefined;
  }[];
  /** Mappings that are not closed. */
  readonly mappings: number;
  /** Datagrams and answers that were ignored: from others, malformed, or not asked for. */
  readonly dropped: number;
}

/** A snapshot. */
export function gatewayStatus(
  { gateway, local }: GatewayProtocolsOptions,
  { clients, dropped }: GatewayProtocols,
  externalIp: string | undefined,
  mappings: number,
): GatewayStatus {
  const protocols = clients.map(({ protocol, availability, reason }) => ({
    protocol,
    availability,
    reason,
  }));
  return { gateway, local, externalIp, protocols, mappings, dropped };
}
