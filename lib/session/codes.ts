/** Numbers for `Session.close`, `ChannelRequest.decline` and `Channel.reset`. Codes of an application start at 256. */
export const FIRST_APPLICATION_CODE = 256;

/** Why a session ended; below 256 the session itself speaks. */
export const SessionCode = {
  /** An orderly end: everything written was delivered first. */
  normal: 0,
  /** The peer broke the protocol. */
  protocolError: 1,
  /** No new pipe was attached in time (`SessionLimits.resumeMs`). */
  resumeTimeout: 2,
} as const;

/** Why a channel was declined or reset; below 256 the session itself speaks. */
export const ChannelCode = {
  /** No particular reason. */
  unspecified: 0,
  /** Too many channels are open or wait for acceptance, or the receive memory is used up. */
  busy: 1,
} as const;

/**
 * Refuses what no frame can carry: the other side would see another number.
 *
 * @throws {RangeError} when it is not a whole number of 32 bits
 */
export function checkCode(code: number): void {
  if (Number.isInteger(code) && code >= 0 && code < 2 ** 32) return;
  throw new RangeError(`a code is a whole number from 0 to ${2 ** 32 - 1}, not ${code}`);
}

/** How a session ended. */
export interface SessionClose {
  /** One of {@link SessionCode}, or an application's code from 256. */
  readonly code: number;
  /** For people. */
  readonly reason: string;
  /** True when the peer ended it. */
  readonly remote: boolean;
}
