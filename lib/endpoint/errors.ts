/**
 * Why {@linkcode ConnectError} was thrown:
 * - `unreachable`: the peer did not answer, or no path to it worked;
 * - `no-network`: no DHT node and no LAN peer could be reached, so the peer could not be asked;
 * - `refused`: the peer answered and said no;
 * - `busy`: the peer has too many connections being set up;
 * - `identity`: the answer did not prove the identity that was dialled;
 * - `transport`: peer and we have no transport in common;
 * - `timeout`: the caller's time ran out;
 * - `aborted`: the caller's signal, or the endpoint was closed.
 */
export type ConnectErrorCode =
  | "unreachable"
  | "no-network"
  | "refused"
  | "busy"
  | "identity"
  | "transport"
  | "timeout"
  | "aborted";

/**
 * The code with which a session ends, or a channel is declined, because the other side's policy
 * refuses us: see {@linkcode EndpointOptions.authorize}.
 */
export const NOT_AUTHORIZED = 260;

/** A connection that could not be made: what failed, what was tried, what to do. */
export class ConnectError extends Error {
  /** The class, for logs. */
  override readonly name = "ConnectError";
  /** What kind of failure. */
  readonly code: ConnectErrorCode;

  /**
   * Makes the error.
   *
   * @param code for programs
   * @param message for people
   */
  constructor(code: ConnectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error that an aborted signal stands for: ours if it carries one, else `timeout`/`aborted`. */
export function abortedConnect(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new ConnectError("timeout", "no connection within the time allowed");
  }
  return new ConnectError("aborted", "the connection attempt was given up", { cause: reason });
}
