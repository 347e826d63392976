import type { Path } from "../ice/mod.ts";
import { type Clock, dialFramedTcp, type FramedTcp, NetError } from "../net/mod.ts";
import { sleep } from "./sleep.ts";

/** A side that is early may be refused by the other's router; it tries again so soon, ms. */
const RETRY_MS = 150;

/** What {@linkcode openSimultaneously} takes. */
export interface SimultaneousOpenOptions {
  /** In all, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Connects two ports both of which dial: a SYN that finds the other side's NAT still closed is
 * lost, or refused, and sent again; the one that comes later gets through, and meets the SYN of
 * the other side (RFC 9293 §3.5, figure 8).
 *
 * @throws {NetError} `unreachable`, `timeout`, `aborted`
 */
export async function openSimultaneously(
  { local, remote }: Path,
  { timeoutMs, signal, clock }: SimultaneousOpenOptions,
): Promise<FramedTcp> {
  const end = clock.now() + timeoutMs;
  for (;;) {
    try {
      return await dialFramedTcp(remote, {
        localIp: local.ip,
        localPort: local.port,
        timeoutMs: Math.max(1, end - clock.now()),
        signal,
      });
    } catch (error) {
      const again = error instanceof NetError && error.code === "unreachable";
      if (!again || clock.now() + RETRY_MS >= end) throw error;
    }
    await sleep(clock, RETRY_MS, signal);
  }
}
