import type { ProtocolClient } from "./lease.ts";
import type { PortMappingProtocol } from "./protocol.ts";

/**
 * The protocol to ask for a mapping: the best available one that has not refused it.
 *
 * @param clients in order of preference
 * @param refused why protocols are out of the question; unavailable ones are added
 * @param mayWait whether a better protocol that may still answer is worth waiting for
 * @returns `wait` while one may still answer; undefined when there is none
 */
export function chooseProtocol(
  clients: readonly ProtocolClient[],
  refused: Map<PortMappingProtocol, string>,
  mayWait: boolean,
): ProtocolClient | "wait" | undefined {
  let probing = false;
  for (const client of clients) {
    if (refused.has(client.protocol)) continue;
    if (client.availability === "available") return client;
    if (client.availability !== "probing") {
      refused.set(client.protocol, client.reason ?? client.availability);
    } else if (mayWait) return "wait";
    else probing = true;
  }
  return probing ? "wait" : undefined;
}
