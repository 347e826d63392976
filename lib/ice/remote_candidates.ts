import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import {
  type Candidate,
  type CandidateType,
  isSendable,
  type TcpType,
  type Transport,
} from "./candidate.ts";

/** A candidate of the peer. What is known about it can improve: first peer-reflexive, then named. */
export class RemoteCandidate implements Candidate {
  readonly component = 1;
  readonly transport: Transport;
  readonly address: SocketAddress;
  declare readonly tcpType?: TcpType;
  foundation: string;
  priority: number;
  type: CandidateType;

  constructor({ transport, address, tcpType, foundation, priority, type }: Candidate) {
    this.transport = transport;
    this.address = address;
    if (tcpType) this.tcpType = tcpType;
    this.foundation = foundation;
    this.priority = priority;
    this.type = type;
  }

  /** Takes over what the peer signalled. */
  become({ foundation, priority, type }: Candidate): void {
    this.foundation = foundation;
    this.priority = priority;
    this.type = type;
  }
}

/** The peer's candidates in one generation, signalled or discovered. */
export class RemoteCandidates {
  readonly #list: RemoteCandidate[] = [];
  readonly #limit: number;
  /** Changes with every change of the list. */
  version = 0;
  #discovered = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get all(): readonly RemoteCandidate[] {
    return this.#list;
  }

  /**
   * Adds what the peer signalled. A candidate that was discovered as peer-reflexive before gets its
   * true type, priority and foundation; so do connections from an active candidate's address,
   * whose ports could not be signalled.
   */
  add(candidate: Candidate): { added?: RemoteCandidate; improved: boolean } {
    const { transport, tcpType, address, priority } = candidate;
    const active = tcpType === "active";
    if (!isSendable(active ? { ip: address.ip, port: 1 } : address)) return { improved: false };
    if (!(priority >= 1 && priority < 2 ** 31)) return { improved: false };
    this.version++;
    let improved = false;
    for (const known of this.#list) {
      if (known.type !== "prflx" || known.transport !== transport) continue;
      const same = active
        ? known.tcpType === "active" && known.address.ip === address.ip
        : equalSocketAddress(known.address, address);
      if (!same) continue;
      known.become(candidate);
      improved = true;
    }
    const twin = this.#list.some((known) =>
      known.transport === transport && known.tcpType === tcpType &&
      equalSocketAddress(known.address, address)
    );
    if (twin || this.#list.length >= this.#limit) return { improved };
    const added = new RemoteCandidate(candidate);
    this.#list.push(added);
    return { added, improved };
  }

  /** The candidate that a request came from; a new peer-reflexive one if need be (§7.3.1.3). */
  from(
    transport: Transport,
    address: SocketAddress,
    priority: number,
  ): RemoteCandidate | undefined {
    const known = this.#list.find((candidate) =>
      candidate.transport === transport && equalSocketAddress(candidate.address, address)
    );
    if (known) return known;
    if (this.#list.length >= 2 * this.#limit) return undefined;
    const tcpType = transport === "tcp" ? { tcpType: "active" as const } : {};
    const candidate = new RemoteCandidate({
      foundation: `p${++this.#discovered}`,
      component: 1,
      transport,
      address,
      priority,
      type: "prflx",
      ...tcpType,
    });
    const dialer = transport === "tcp" &&
      this.#list.find((c) =>
        c.tcpType === "active" && c.type !== "prflx" && c.address.ip === address.ip
      );
    if (dialer) candidate.become(dialer);
    this.#list.push(candidate);
    this.version++;
    return candidate;
  }
}
