import { Gathering, type TransportChoice } from "../../lib/endpoint/gathering.ts";
import { random, systemClock } from "../../lib/net/mod.ts";

/** What a gathering on loopback is made with, without servers and routers. */
export function loopbackGatheringOptions(
  transports: TransportChoice,
): Parameters<typeof Gathering.start>[0] {
  return {
    transports,
    interfaces: ["lo"],
    stunServers: [],
    publicIp: () => Promise.resolve(undefined),
    turnServers: [],
    relayOnly: false,
    mapper: undefined,
    clock: systemClock,
    random,
  };
}
