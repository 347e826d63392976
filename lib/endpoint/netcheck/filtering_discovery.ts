import type { SocketAddress } from "../../ip/mod.ts";
import {
  type BindingAnswer,
  BindingProbes,
  CHANGE_IP,
  CHANGE_PORT,
  PROBE_RTO_MS,
} from "./binding_probes.ts";
import { isAlternate } from "./mapping_discovery.ts";
import type { FilteringBehavior } from "./nat_behavior.ts";

/** An answer that may never come is asked for at this pace at least, milliseconds. */
const MIN_RTO_MS = 150;

/**
 * Finds the filtering behaviour of the NATs and firewalls in front of one socket (RFC 5780 §4.4):
 * whether answers come in from addresses to which we have not sent. The socket must be used for
 * nothing else, for whatever it sends opens the filters. No I/O.
 *
 * ```
 *   servers ── Test I ──▶ the first with OTHER-ADDRESS
 *                            ├─ Test II:  answer from another IP and port? ──▶ endpoint-independent
 *                            ├─ Test III: answer from another port?        ──▶ address-dependent
 *                            └─ neither                      ──▶ address-and-port-dependent
 * ```
 */
export class FilteringDiscovery {
  /** The questions under way: to be driven by the socket's owner. */
  readonly probes: BindingProbes;
  #chosen = false;
  #otherIp: "open" | "closed" | undefined;
  #otherPort: "open" | "closed" | undefined;

  /**
   * Asks every server, and then one of them to answer from elsewhere.
   *
   * @param servers of the socket's family
   */
  constructor(
    servers: readonly SocketAddress[],
    random: (length: number) => Uint8Array,
    now: number,
  ) {
    this.probes = new BindingProbes(random);
    for (const to of servers) {
      const onAnswer = (answer: BindingAnswer, now: number) => this.#choose(to, answer, now);
      this.probes.ask({ to, onAnswer, onFailure: () => {} }, now);
    }
  }

  /** What follows from all answers so far. */
  get behavior(): FilteringBehavior {
    if (this.#otherIp === "open") return "endpoint-independent";
    if (this.#otherIp === undefined || this.#otherPort === undefined) return "unknown";
    return this.#otherPort === "open" ? "address-dependent" : "address-and-port-dependent";
  }

  /** Whether no further answer can change {@linkcode behavior}. */
  get decided(): boolean {
    return this.behavior !== "unknown" || this.probes.idle;
  }

  #choose(server: SocketAddress, { other, roundTripMs }: BindingAnswer, now: number): void {
    if (this.#chosen || !isAlternate(server, other)) return;
    this.#chosen = true;
    const rtoMs = Math.min(PROBE_RTO_MS, Math.max(MIN_RTO_MS, 2 * roundTripMs));
    // Silence means a filter; an error response means that the server does not do this.
    this.probes.ask({
      to: server,
      change: CHANGE_IP | CHANGE_PORT,
      rtoMs,
      // a server that answers from where it was asked has not understood: that says nothing
      onAnswer: ({ from }) => {
        if (from.ip !== server.ip && from.port !== server.port) this.#otherIp = "open";
      },
      onFailure: ({ silent }) => this.#otherIp = silent ? "closed" : undefined,
    }, now);
    this.probes.ask({
      to: server,
      change: CHANGE_PORT,
      rtoMs,
      onAnswer: ({ from }) => {
        if (from.ip === server.ip && from.port !== server.port) this.#otherPort = "open";
      },
      onFailure: ({ silent }) => this.#otherPort = silent ? "closed" : undefined,
    }, now);
  }
}
