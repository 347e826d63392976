import type { IpFamily } from "../../ip/mod.ts";
import type { Clock } from "../../net/mod.ts";
import { TurnError, type TurnErrorCode, type TurnTiming } from "../../turn/mod.ts";
import { allocateOver } from "./attempt.ts";
import { describeRoute, findRoutes, type ServerRoute } from "./routes.ts";
import type { TurnServer } from "./server.ts";
import type { TurnRelay } from "./turn_relay.ts";

/** When the next route is tried although the last one may still answer. */
export const ATTEMPT_DELAY_MS = 400;
/** Without an allocation by then there is none. */
export const RELAY_TIMEOUT_MS = 12_000;

/** What {@linkcode allocateRelay} takes. */
export interface RelayOptions {
  /** In the order of preference. */
  readonly servers: readonly TurnServer[];
  /** Of the relayed address; default IPv4. How the server is reached does not depend on it. */
  readonly family?: IpFamily;
  /** What is relayed: UDP by default; TCP connections (RFC 6062) over TCP or TLS to the server. */
  readonly relay?: "udp" | "tcp";
  /** Leave only from these addresses, the first of each family; from any when absent. */
  readonly localAddresses?: readonly string[] | undefined;
  /** For time-outs, and the client's time. */
  readonly clock: Clock;
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Gives up when it fires; error `closed`. */
  readonly signal?: AbortSignal | undefined;
  /** In all, milliseconds; default {@linkcode RELAY_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Other times than the RFC's, for tests. */
  readonly timing?: Partial<TurnTiming>;
}

/** What is worth telling, best first: a server that speaks says more than one that does not. */
const TELLING: readonly TurnErrorCode[] = [
  "bad-credentials",
  "quota",
  "family",
  "transport",
  "forbidden",
  "capacity",
  "stale-nonce",
  "integrity",
  "server-error",
  "protocol",
];

/**
 * Gets a relayed address from the first server that gives one. Routes are started one after the
 * other, the next as soon as the last one fails or after {@linkcode ATTEMPT_DELAY_MS}, so that a
 * dead server costs less than half a second.
 *
 * @throws {TurnError} with the most telling code; the message says what was tried
 */
export async function allocateRelay(options: RelayOptions): Promise<TurnRelay> {
  const { servers, clock, signal, timeoutMs = RELAY_TIMEOUT_MS } = options;
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const timer = clock.setTimer(clock.now() + timeoutMs, abort);
  try {
    const { routes, unresolved } = await findRoutes(
      servers,
      options.relay === "tcp",
      options.localAddresses,
      controller.signal,
    );
    const failures = unresolved.map((text) => ({ text, error: undefined }));
    return await race(routes, options, controller, failures);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}

interface Failure {
  readonly text: string;
  readonly error: TurnError | undefined;
}

async function race(
  routes: readonly ServerRoute[],
  options: RelayOptions,
  controller: AbortController,
  failures: Failure[],
): Promise<TurnRelay> {
  const { clock } = options;
  const won = Promise.withResolvers<TurnRelay>();
  let relay: TurnRelay | undefined;
  const attempts: Promise<void>[] = [];
  const attempt = async (entry: ServerRoute) => {
    try {
      const mine = await allocateOver(entry, options, controller.signal);
      if (relay !== undefined) return void mine.close(); // both at the same moment
      relay = mine;
      won.resolve(mine);
      controller.abort(); // the others
    } catch (error) {
      if (!(error instanceof TurnError)) return won.reject(error);
      const text = error.code === "closed" ? "no answer in time" : error.message;
      failures.push({ text: `${describeRoute(entry)}: ${text}`, error });
    }
  };
  for (const entry of routes) {
    if (controller.signal.aborted) break;
    const attempted = attempt(entry);
    attempts.push(attempted);
    const patience = Promise.withResolvers<void>();
    const timer = clock.setTimer(clock.now() + ATTEMPT_DELAY_MS, patience.resolve);
    await Promise.race([attempted, patience.promise, won.promise.catch(() => {})]);
    timer.cancel();
  }
  Promise.all(attempts).then(() => won.reject(summary(failures, options.signal)));
  return await won.promise;
}

function summary(failures: readonly Failure[], signal: AbortSignal | undefined): TurnError {
  if (signal?.aborted) return new TurnError("closed", "aborted", { cause: signal.reason });
  const errors = failures.map(({ error }) => error).filter((error) => error !== undefined);
  const code = TELLING.find((code) => errors.some((error) => error.code === code));
  const telling = errors.find((error) => error.code === code);
  const text = failures.length === 0
    ? "no TURN server is named"
    : `no relay: ${failures.map(({ text }) => text).join("; ")}`;
  return new TurnError(code ?? "unreachable", text, {
    ...(telling?.stunCode === undefined ? {} : { stunCode: telling.stunCode }),
    cause: telling ?? errors[0],
  });
}
