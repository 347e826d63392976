import type { PortMappingProtocol } from "./protocol.ts";

/** Bounds of the lifetimes that are believed, in seconds; RFC 6887 §15 has 24 hours as a sane maximum. */
export const MIN_LEASE_S = 10, MAX_LEASE_S = 86_400;
/** Renewals of one mapping are at least so far apart, in milliseconds (RFC 6887 §11.2.1). */
export const MIN_RENEWAL_GAP_MS = 4_000;
/**
 * UPnP has no epoch: that a router restarted shows in the next renewal only, so these are at most so
 * far apart, in milliseconds.
 */
export const UPNP_RENEWAL_MS = 10 * 60_000;
/** Delay after the first round without success, in milliseconds; it doubles up to the last. */
export const FIRST_RETRY_MS = 30_000, LAST_RETRY_MS = 15 * 60_000;

/** How long a better protocol may take to answer once one has, in milliseconds. */
export const PREFERENCE_WAIT_MS = 100;
/** How often the external address and the epoch are asked for, in milliseconds. */
export const CHECK_INTERVAL_MS = 60_000;
/** Hosts told at once that the router lost its state ask again within this (RFC 6887 §14.1.3). */
export const ANNOUNCEMENT_SPREAD_MS = 5_000;
/** What is asked for when the caller does not say, in seconds (RFC 6886 §3.3). */
export const DEFAULT_LIFETIME_S = 7_200;
/** A search that ended without success is repeated for a new mapping after this, in milliseconds. */
export const SEARCH_AGAIN_MS = 10_000;

/** How long a granted lease is relied on, in milliseconds. @param lifetimeS may be `Infinity` */
export function leaseMs(lifetimeS: number): number {
  if (lifetimeS === Infinity) return Infinity;
  return Math.min(Math.max(lifetimeS, MIN_LEASE_S), MAX_LEASE_S) * 1000;
}

/**
 * When to ask again, in milliseconds: after half of what is left (RFC 6886 §3.3, RFC 6887 §11.2.1).
 *
 * @param expiresAt may be `Infinity`
 */
export function nextRenewalAt(
  protocol: PortMappingProtocol,
  expiresAt: number,
  now: number,
): number {
  const half = (expiresAt - now) / 2;
  const wait = protocol === "upnp" ? Math.min(half, UPNP_RENEWAL_MS) : half;
  return now + Math.max(wait, MIN_RENEWAL_GAP_MS);
}

/** How long to leave a gateway alone that refused everything, in milliseconds. */
export function retryDelayMs(failures: number, atLeastMs: number): number {
  return Math.max(Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS), atLeastMs);
}
