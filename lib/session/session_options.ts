import type { ChannelRequest } from "./channel_request.ts";
import type { SessionClose } from "./codes.ts";
import type { SessionLimits } from "./limits.ts";
import type { SessionKeys } from "./record_keys.ts";

/** Why a pipe was given up: unauthentic or malformed bytes, or silence when an answer was due. */
export type PathLoss = "broken" | "silent";

/** What a {@link Session} needs. */
export interface SessionOptions {
  /** True on the side that dialled: it opens the even channel ids. */
  readonly initiator: boolean;
  /** Keys from the handshake, in this side's direction. */
  readonly keys: SessionKeys;
  /** The time, milliseconds, of the clock that all calls use. */
  readonly now: number;
  /** Bounds and intervals that differ from {@link DEFAULT_SESSION_LIMITS}. */
  readonly limits?: Partial<SessionLimits>;
  /** The peer opens a channel: accept or decline it, now or later. Must not throw. */
  readonly onChannel: (request: ChannelRequest) => void;
  /** `pollTransmit` has something: call it until it gives undefined. Called once until then. */
  readonly onTransmit: () => void;
  /** The attached pipe is dead and has been detached: drop it and attach another. */
  readonly onPathLost?: (loss: PathLoss) => void;
  /** The session is over: called once, after `pollTransmit` has given the last bytes. */
  readonly onClose: (close: SessionClose) => void;
}

/** Counters of a {@link Session}. */
export interface SessionStats {
  /** Bytes given to pipes. */
  readonly bytesSent: number;
  /** Bytes taken from pipes. */
  readonly bytesReceived: number;
  /** Sealed bytes that the peer has not acknowledged. */
  readonly unacknowledgedBytes: number;
  /** Receive memory promised to the peer, bytes. */
  readonly reservedBytes: number;
  /** Smoothed round trip, milliseconds, once measured. */
  readonly roundTripMs: number | undefined;
  /** Channels open or opening. */
  readonly channels: number;
  /** Pipes attached so far. */
  readonly pipes: number;
}
