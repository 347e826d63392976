import { ConnectError } from "./errors.ts";
import type { EndpointOptions } from "./options.ts";
import type { EndpointStatus } from "./status.ts";

/** What it means that a peer does not answer: the peer is one thing, a network that fails another. */
export function explainSilence(
  peerId: string,
  { bootstrap = [], discovery = true }: Pick<EndpointOptions, "bootstrap" | "discovery">,
  { status, nodes }: Pick<EndpointStatus["dht"], "status" | "nodes">,
): ConnectError {
  if (status === "connected") {
    return new ConnectError(
      "unreachable",
      `no answer from ${peerId}: it is offline, or not listening, or in another DHT network ` +
        `(asked through ${nodes} DHT nodes)`,
    );
  }
  const tried = [
    bootstrap.length > 0 ? `${bootstrap.join(", ")} did not answer` : "no bootstrap node was given",
    discovery ? "none was found on the local network" : "discovery is off",
  ];
  return new ConnectError("no-network", `no DHT node could be reached: ${tried.join("; ")}`);
}
