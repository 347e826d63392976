/** The protocols by which a router can be asked for a mapping, the best first. */
export type PortMappingProtocol = "pcp" | "nat-pmp" | "upnp";

/** {@linkcode PortMappingProtocol} in order of preference. */
export const PORT_MAPPING_PROTOCOLS: readonly PortMappingProtocol[] = ["pcp", "nat-pmp", "upnp"];

/** What can be mapped. */
export type MappedTransport = "udp" | "tcp";

/** What is known of a protocol at a gateway. */
export type Availability =
  /** Not asked yet. */
  | "unknown"
  /** Asked, no answer yet. */
  | "probing"
  /** It answered. */
  | "available"
  /** No answer, or an answer that says no. */
  | "unavailable";
