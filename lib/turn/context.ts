import type { IpFamily } from "../ip/mod.ts";
import type { TurnError, TurnErrorCode } from "./error.ts";
import type { TurnEvent } from "./event.ts";
import type { TurnStats, TurnTiming } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { Requests } from "./requests.ts";

/** What the parts of a client share. */
export interface TurnContext {
  readonly requests: Requests;
  readonly outbox: Outbox;
  readonly random: (length: number) => Uint8Array;
  readonly timing: TurnTiming;
  readonly stats: TurnStats;
  /** Over TCP and TLS ChannelData is padded. */
  readonly stream: boolean;
  emit(event: TurnEvent): void;
  /** The allocation is lost. */
  fail(error: TurnError, now: number): void;
  /** Whether there is a relayed address of that family. */
  relays(family: IpFamily): boolean;
}

/** Part of a lifetime after which it is refreshed. */
const REFRESH_FRACTION = 0.8;
/** A peer that the server refused is not asked for again before this time. */
export const REFUSAL_MEMORY_MS = 30_000;

const FATAL: ReadonlySet<TurnErrorCode> = new Set([
  ...["unreachable", "allocation-mismatch", "bad-credentials", "stale-nonce", "integrity"] as const,
]);

/** Whether an answer about one peer says that the allocation is of no use any more. */
export function isFatal({ code }: TurnError): boolean {
  return FATAL.has(code);
}

/** When something is refreshed that was confirmed for `lifetimeMs` from `since` on, milliseconds. */
export function refreshTime(since: number, lifetimeMs: number): number {
  return since + lifetimeMs * REFRESH_FRACTION;
}
