/** Bounds and intervals of one {@link Session}; every field has a default. */
export interface SessionLimits {
  /** Sealed bytes kept until the peer acknowledges them; writers wait beyond it. At least 2 MiB. */
  sendBuffer: number;
  /** Bytes that all channels together may have been promised as receive windows. At least 8 MiB. */
  receiveMemory: number;
  /** Receive window of a new channel, bytes. */
  initialWindow: number;
  /** What a channel's window may grow to while its reader keeps up, bytes. */
  maxWindow: number;
  /** Channels that each side may have open. */
  channels: number;
  /** Channels opened by the peer that wait for `accept()` or `decline()`. */
  pendingChannels: number;
  /** Interval of pings while a pipe is attached, milliseconds. */
  pingMs: number;
  /** What that interval doubles up to while nothing is said but pings, milliseconds. */
  idlePingMs: number;
  /** With an answer due, silence of this length means that the pipe is dead, milliseconds. */
  silenceMs: number;
  /**
   * The same for a pipe on which answers came many times faster so far, milliseconds, as far as it
   * is less than `silenceMs`.
   */
  quickSilenceMs: number;
  /** A session without a pipe ends after this time, milliseconds. */
  resumeMs: number;
  /** How long an orderly `close()` waits for what was written to be acknowledged, milliseconds. */
  lingerMs: number;
}

/** Must exceed what the peer receives before it acknowledges. */
const MIN_SEND_BUFFER = 2 << 20;
const MIN_RECEIVE_MEMORY = 8 << 20;

/** What holds where the caller says nothing. */
export const DEFAULT_SESSION_LIMITS: Readonly<SessionLimits> = {
  sendBuffer: 8 << 20,
  receiveMemory: 64 << 20,
  initialWindow: 256 << 10,
  maxWindow: 8 << 20,
  channels: 65_535,
  pendingChannels: 4096,
  pingMs: 5000,
  idlePingMs: 20_000,
  silenceMs: 10_000,
  quickSilenceMs: Infinity,
  resumeMs: 60_000,
  lingerMs: 5000,
};

/** Fills in defaults and raises what the protocol cannot work below. */
export function resolveLimits(limits: Partial<SessionLimits> = {}): SessionLimits {
  const resolved = { ...DEFAULT_SESSION_LIMITS, ...limits };
  resolved.sendBuffer = Math.max(resolved.sendBuffer, MIN_SEND_BUFFER);
  resolved.receiveMemory = Math.max(resolved.receiveMemory, MIN_RECEIVE_MEMORY);
  resolved.maxWindow = Math.max(resolved.maxWindow, resolved.initialWindow);
  resolved.idlePingMs = Math.max(resolved.idlePingMs, resolved.pingMs);
  return resolved;
}
