import { parseHostPort } from "./bootstrap_names.ts";
import type { DhtServiceStatus } from "./dht_service.ts";
import { ConnectError } from "./errors.ts";
import type { EndpointOptions } from "./options.ts";

/** What it means that a peer does not answer: the peer is one thing, a network that fails another. */
export function explainSilence(
  peerId: string,
  { bootstrap = [], discovery = true }: Pick<EndpointOptions, "bootstrap" | "discovery">,
  { status, nodes, unresolved }: Pick<DhtServiceStatus, "status" | "nodes" | "unresolved">,
): ConnectError {
  if (status === "connected") {
    return new ConnectError(
      "unreachable",
      `no answer from ${peerId}: it is offline, or not listening, or in another DHT network ` +
        `(asked through ${nodes} DHT nodes)`,
    );
  }
  const hasAddress = (text: string) => !unresolved.includes(parseHostPort(text).host);
  const [silent, nowhere] = [bootstrap.filter(hasAddress), bootstrap.filter((n) => !hasAddress(n))];
  const tried = [
    ...(bootstrap.length === 0 ? ["no bootstrap node was given"] : []),
    ...(nowhere.length > 0 ? [`${nowhere.join(", ")} could not be resolved`] : []),
    ...(silent.length > 0 ? [`${silent.join(", ")} did not answer`] : []),
    discovery ? "none was found on the local network" : "discovery is off",
  ];
  return new ConnectError("no-network", `no DHT node could be reached: ${tried.join("; ")}`);
}
