import type { SocketAddress } from "../ip/mod.ts";

/**
 * Why a TURN operation failed:
 *
 * - `bad-credentials`: user name, password or realm are wrong, or missing (401, 441)
 * - `quota`: the user has too many allocations (486); RFC 8656 §7.4 asks for a minute's patience
 * - `capacity`: the server has no relay port or permission left (508)
 * - `allocation-mismatch`: the server does not know the allocation, because it expired or the server
 *   was restarted, or it knows an older one of our address (437); a new socket helps
 * - `stale-nonce`: the server refuses every nonce, also its newest (438)
 * - `family`: the server or the allocation has no addresses of that family (440, 443)
 * - `transport`: the server does not relay that transport (442)
 * - `forbidden`: the server's policy refuses (403)
 * - `try-alternate`: the server sends us to another one (300), see {@linkcode TurnError.alternate}
 * - `connection-exists`: there is a TCP connection to that peer already (446)
 * - `connection-failed`: the server cannot connect to the peer by TCP (447)
 * - `unreachable`: the server does not answer, or the connection to it is lost
 * - `integrity`: there were answers, but none was protected by the password
 * - `protocol`: the server does not keep to the protocol, or refuses what we say (400, 420)
 * - `server-error`: the server is out of order (5xx)
 * - `closed`: closed here
 */
export type TurnErrorCode =
  | "bad-credentials"
  | "quota"
  | "capacity"
  | "allocation-mismatch"
  | "stale-nonce"
  | "family"
  | "transport"
  | "forbidden"
  | "try-alternate"
  | "connection-exists"
  | "connection-failed"
  | "unreachable"
  | "integrity"
  | "protocol"
  | "server-error"
  | "closed";

/** What a {@linkcode TurnError} can know besides its code. */
export interface TurnErrorDetails {
  /** The STUN error code, 300 to 699. */
  readonly stunCode?: number;
  /** Where to try instead, with `try-alternate`. */
  readonly alternate?: SocketAddress;
  /** The name that the alternate server's TLS certificate must have (RFC 8489 §14.16). */
  readonly alternateDomain?: string;
  /** What led to it. */
  readonly cause?: unknown;
}

/** Every failure of this folder. */
export class TurnError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "TurnError";
  /** What kind of failure. */
  readonly code: TurnErrorCode;
  /** The STUN error code, 300 to 699, when the server sent one. */
  readonly stunCode: number | undefined;
  /** Where to try instead, with `try-alternate`. */
  readonly alternate: SocketAddress | undefined;
  /** The name that the alternate server's TLS certificate must have. */
  readonly alternateDomain: string | undefined;

  /** `message` is for people. */
  constructor(code: TurnErrorCode, message: string, details: TurnErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.stunCode = details.stunCode;
    this.alternate = details.alternate;
    this.alternateDomain = details.alternateDomain;
  }
}

/** RFC 8656 §19, RFC 6062 §6.3, RFC 8489 §14.8, and what the user can do about it. */
const MEANINGS: Readonly<Record<number, readonly [TurnErrorCode, string]>> = {
  300: ["try-alternate", "the TURN server names another one to use"],
  400: ["protocol", "the TURN server calls the request malformed"],
  401: ["bad-credentials", "the TURN server refuses the user name or password"],
  403: ["forbidden", "the TURN server's policy forbids it"],
  420: ["protocol", "the TURN server does not know an attribute that is needed"],
  437: ["allocation-mismatch", "the TURN server does not know this allocation"],
  438: ["stale-nonce", "the TURN server refuses its own nonces"],
  440: ["family", "the TURN server has no addresses of that family"],
  441: ["bad-credentials", "the TURN server has this allocation under another user name"],
  442: ["transport", "the TURN server does not relay that transport"],
  443: ["family", "the peer's address is of another family than the relayed one"],
  446: ["connection-exists", "the TURN server has a connection to that peer already"],
  447: ["connection-failed", "the TURN server cannot connect to the peer"],
  486: ["quota", "the TURN user has reached the allocation quota; wait a minute or raise it"],
  508: ["capacity", "the TURN server has no capacity left"],
};

/** The error that a STUN error code stands for. @param reason the server's words */
export function errorOfCode(
  stunCode: number,
  reason: string,
  details: TurnErrorDetails = {},
): TurnError {
  const [code, text] = MEANINGS[stunCode] ??
    (stunCode >= 500
      ? ["server-error" as const, "the TURN server is out of order"]
      : ["protocol" as const, "the TURN server answers with an unexpected error"]);
  const words = reason.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 120).trim();
  return new TurnError(code, `${text} (${stunCode} ${words})`, { ...details, stunCode });
}
