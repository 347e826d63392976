import type { Clock } from "../../net/mod.ts";

/** What every check is made with. */
export interface CheckContext {
  readonly clock: Clock;
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Stay on the addresses of these interfaces; on all of the host's when undefined. */
  readonly interfaces: readonly string[] | undefined;
  /** Ends the check; what is known by then is its result. */
  readonly signal: AbortSignal;
}
