import { PortMapper, type PortMapperStatus } from "../portmap/port_mapper.ts";
import type { CheckContext } from "./context.ts";

/** A router, and the protocols by which it can be asked for port mappings. */
export interface GatewayReport {
  /** The interface that leads to it. */
  readonly interface: string;
  /** The router's address. */
  readonly gateway: string;
  /** Our address on its link. */
  readonly local: string;
  /** Its address outside, where a protocol has told it. */
  readonly externalIp: string | undefined;
  /** In order of preference. */
  readonly protocols: readonly ProtocolReport[];
}

/** One protocol at a router. */
export interface ProtocolReport {
  /** Its name. */
  readonly protocol: "pcp" | "nat-pmp" | "upnp";
  /** Whether the router speaks it. */
  readonly available: boolean;
  /** Why it is not, for people. */
  readonly reason: string | undefined;
}

/** Asks the routers which mapping protocols they speak; no port is mapped. */
export async function checkPortMapping(
  { clock, interfaces, signal }: CheckContext,
): Promise<GatewayReport[]> {
  const mapper = await PortMapper.start({
    clock,
    ...(interfaces === undefined ? {} : { interfaces }),
  });
  try {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    if (signal.aborted) aborted.resolve();
    await Promise.race([mapper.searched(), aborted.promise]);
    return mapper.status.map(gatewayReport);
  } finally {
    await mapper.close();
  }
}

function gatewayReport(status: PortMapperStatus): GatewayReport {
  const { gateway, local, externalIp } = status;
  return {
    interface: status.interface,
    gateway,
    local,
    externalIp,
    protocols: status.protocols.map(({ protocol, availability, reason }) => {
      const available = availability === "available";
      return {
        protocol,
        available,
        reason: available ? undefined : reason ?? "no answer in time",
      };
    }),
  };
}
