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
  /** Something is odd: the server is asked whether the allocation still lives. */
  doubt(now: number): void;
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

const ABOUT_PEER: ReadonlySet<TurnErrorCode> = new Set(["forbidden", "family", "capacity"]);

/**
 * Takes the refusal of one peer. coturn answers 400 and not 437 when the allocation is gone, so that
 * only an answer that speaks of the peer is taken for what it says.
 *
 * @returns whether the allocation lives on for now
 */
export function survives(context: TurnContext, error: TurnError, now: number): boolean {
  if (isFatal(error)) {
    context.fail(error, now);
    return false;
  }
  if (!ABOUT_PEER.has(error.code)) context.doubt(now);
  return true;
}

/** When something is refreshed that was confirmed for `lifetimeMs` from `since` on, milliseconds. */
export function refreshTime(since: number, lifetimeMs: number): number {
  return since + lifetimeMs * REFRESH_FRACTION;
}
