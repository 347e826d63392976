/**
 * Why an I/O operation of this folder failed:
 *
 * - `bind`: the local address or port cannot be had
 * - `unreachable`: the peer, or the way to it, refused or does not exist
 * - `timeout`: nothing happened within the time given
 * - `aborted`: the caller's signal fired
 * - `closed`: the socket or pipe is closed, by us or by the peer
 * - `resolve`: a host name has no address
 * - `unavailable`: this runtime lacks the transport
 * - `file`: a file is missing, too large or unsafe
 */
export type NetErrorCode =
  | "bind"
  | "unreachable"
  | "timeout"
  | "aborted"
  | "closed"
  | "resolve"
  | "unavailable"
  | "file";

/** The one error that this folder's functions throw; `cause` has the system's own. */
export class NetError extends Error {
  /** The class, for logs. */
  override readonly name: string = "NetError";
  /** What kind of failure. */
  readonly code: NetErrorCode;
  /** Makes the error. @param code what kind of failure, see {@linkcode NetErrorCode} */
  constructor(code: NetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A transport needs an API that this runtime was started without (code `unavailable`). */
export class TransportUnavailableError extends NetError {
  /** The class, for logs. */
  override readonly name: string = "TransportUnavailableError";
  /** What is missing, for example "QUIC". */
  readonly transport: string;
  /** Makes the error. @param transport for example "QUIC" */
  constructor(transport: string, remedy: string) {
    super("unavailable", `${transport} is not available: ${remedy}`);
    this.transport = transport;
  }
}

/** The text of anything thrown, for messages. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Does nothing until the signal has fired. @throws {NetError} `aborted` when it has */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** The error for a fired signal; its reason becomes the cause. */
export function abortedError(signal: AbortSignal): NetError {
  return new NetError("aborted", "aborted by the caller", { cause: signal.reason });
}
