import type { Path } from "./candidate.ts";
import type { Connections } from "./connections.ts";
import type { IceEvent } from "./event.ts";
import type { LocalCandidates } from "./local_candidates.ts";
import type { IceSettings } from "./options.ts";
import type { CheckPacer } from "./pacer.ts";
import type { Role } from "./role.ts";

/** Counters of an agent, over all generations. */
export interface IceStats {
  /** Binding requests sent, retransmissions included. */
  requestsSent: number;
  /** Authenticated Binding requests received. */
  requestsReceived: number;
  /** Success and error responses that belonged to a request of ours and were authentic. */
  responsesReceived: number;
  /** Packets dropped: no STUN, wrong fingerprint, unknown path or transaction, bad integrity. */
  packetsDropped: number;
  /** Requests answered with an error. */
  requestsRefused: number;
}

/** What the generations of an agent share. */
export interface AgentContext {
  readonly settings: IceSettings;
  readonly random: (length: number) => Uint8Array;
  readonly role: Role;
  readonly pacer: CheckPacer;
  readonly locals: LocalCandidates;
  readonly connections: Connections;
  readonly stats: IceStats;
  /** Queues a packet for the driver. */
  transmit(path: Path, bytes: Uint8Array): void;
  /** Queues an event for the driver. */
  emit(event: IceEvent): void;
  /** The role was switched to settle a conflict. */
  roleChanged(): void;
  /** A generation chose its pair: what came before it is over. */
  completed(): void;
}
