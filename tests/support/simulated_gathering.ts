import type { DatagramPort } from "../../lib/endpoint/datagram_port.ts";
import type { Gathering } from "../../lib/endpoint/gathering.ts";
import type { LocalCandidateInput } from "../../lib/ice/mod.ts";
import { equalSocketAddress, type SocketAddress } from "../../lib/ip/mod.ts";
import type { Clock } from "../../lib/net/mod.ts";
import type { SimulatedClock } from "./simulated_clock.ts";
import type { SimulatedHost } from "./simulated_network.ts";

/** A simulated clock as drivers use one. */
export function clockOf(simulated: SimulatedClock): Clock {
  return {
    now: () => simulated.now,
    wallClock: () => Math.floor(simulated.now / 1000),
    setTimer(at, callback) {
      let cancelled = false;
      simulated.after(at - simulated.now, () => cancelled || callback());
      return { cancel: () => void (cancelled = true) };
    },
  };
}

/** What a negotiation needs of a gathering, on a simulated host: one UDP port and its candidates. */
export function simulatedGathering(
  host: SimulatedHost,
  local: SocketAddress,
  mapped: SocketAddress,
): Gathering {
  const port: DatagramPort = {
    local,
    onDatagram: () => {},
    send: (bytes, to) => host.send(local, to, bytes),
    close: () => Promise.resolve(host.unbind(local)),
  };
  const candidates: LocalCandidateInput[] = [
    { transport: "udp", type: "host", address: local },
    { transport: "udp", type: "srflx", address: mapped, base: local, related: local, server: "s" },
  ];
  const gathering = {
    candidates,
    foundAt: () => undefined,
    problems: [],
    onCandidate: () => {},
    onConnection: () => {},
    onDatagram: (_port: DatagramPort, _bytes: Uint8Array, _from: SocketAddress) => {},
    port: (base: SocketAddress) => equalSocketAddress(base, local) ? port : undefined,
    permit: () => {},
    takeMapping: () => undefined,
    takeRelay: () => undefined,
    close: () => Promise.resolve(host.unbind(local)),
  };
  host.bind(local, (bytes, from) => gathering.onDatagram(port, bytes, from));
  return gathering as unknown as Gathering;
}
