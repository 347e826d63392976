import type { Identity, VerifiedChain } from "../identity/mod.ts";
import type { Clock, Pipe } from "../net/mod.ts";
import type { KeyEncapsulation } from "../noise/mod.ts";
import type { SessionKeys } from "../session/mod.ts";
import type { KnownDoors } from "./door/mod.ts";
import type { ConnectError } from "./errors.ts";
import type { Gathering, TransportChoice } from "./gathering.ts";
import type { TransportOption } from "./options.ts";
import type { SignallingCarrier } from "./signalling/mod.ts";
import type { AttemptTrace, Tracer } from "./trace.ts";

/** What dialling and answering need of their endpoint. */
export interface EndpointContext {
  readonly identity: Identity;
  readonly carrier: SignallingCarrier;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** ML-KEM-768, for the handshake. */
  readonly kem: KeyEncapsulation;
  readonly transport: TransportOption;
  /** Finds candidates for one negotiation. */
  readonly gather: (transports: TransportChoice) => Promise<Gathering>;
  /** Verifies the other side's certificates. */
  readonly verifyChain: (chain: readonly Uint8Array[], now: Date) => Promise<VerifiedChain>;
  /** Whether peers can reach us under our id, so that they may open channels over our dials. */
  readonly listening: () => boolean;
  /** Doors at which we may knock; undefined where that would show our address. */
  readonly doors: KnownDoors | undefined;
  /** The port of our own door, if there is one. @param sha256 of the QUIC certificate in the answer */
  readonly doorPort: (sha256: Uint8Array | undefined) => number | undefined;
  /** Whether the DHT has been reached, and what that says about a peer that does not answer. */
  readonly explainSilence: (peerId: string) => ConnectError;
  /** Datagrams of the DHT that have come so far. */
  readonly datagramsHeard: () => number;
  /** Tells what is done, where somebody wants to know. */
  readonly trace?: Tracer | undefined;
}

/** A handshake that is done and the pipe that ICE and the transport made for it. */
export interface Established {
  readonly keys: SessionKeys;
  readonly peer: VerifiedChain;
  /** Whether the peer can be reached under its id. */
  readonly peerListens: boolean;
  readonly pipe: Pipe;
  /** The pipe that is to replace this one, which serves the first moments only. */
  readonly lasting?: LastingPipe | undefined;
  /** Of the attempt that led here. */
  readonly trace?: AttemptTrace | undefined;
}

/** A pipe that is still being made. */
export interface LastingPipe {
  /** The pipe, or why there is none, within a bounded time. */
  readonly pipe: Promise<Pipe>;
  /** Nobody wants it any more. */
  abandon(): void;
}

/**
 * Whichever pipe is there first: one for the first moments, with the lasting one to follow, or the
 * lasting one itself.
 *
 * @param early never rejects; may stay pending
 * @param abandon ends the making of the lasting pipe
 */
export function firstPipe(
  early: Promise<Pipe>,
  lasting: Promise<Pipe>,
  abandon: () => void,
): Promise<Pick<Established, "pipe" | "lasting">> {
  lasting.catch(() => {}); // whoever takes it over will see
  return Promise.race([
    lasting.then((pipe) => ({ pipe })),
    early.then((pipe) => ({ pipe, lasting: { pipe: lasting, abandon } })),
  ]);
}

/** The transports that both sides can use, given what each wants. */
export function commonTransports(ours: TransportOption, theirs: TransportOption): TransportChoice {
  return {
    tcp: ours !== "quic" && theirs !== "quic",
    udp: ours !== "tcp" && theirs !== "tcp",
  };
}
