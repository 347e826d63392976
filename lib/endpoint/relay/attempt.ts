import { formatSocketAddress } from "../../ip/mod.ts";
import { TurnClient, TurnError } from "../../turn/mod.ts";
import type { RelayOptions } from "./allocate_relay.ts";
import { TurnDriver } from "./driver.ts";
import { dialLink, type Route } from "./link_dial.ts";
import type { ServerRoute } from "./routes.ts";
import { TurnRelay } from "./turn_relay.ts";

/** How often a server may send us on to another one. */
const MAX_REDIRECTS = 3;
/** How often another port is tried when the server takes us for an earlier client (437). */
const MAX_MISMATCHES = 2;

/**
 * Allocates over one route, goes where the server sends us (300), and changes the port when
 * another allocation holds ours (437, RFC 8656 §7.4).
 *
 * @throws {TurnError}
 */
export async function allocateOver(
  { server, route }: ServerRoute,
  options: RelayOptions,
  signal: AbortSignal,
): Promise<TurnRelay> {
  const visited = new Set<string>();
  let current = route;
  for (let mismatches = 0;;) {
    visited.add(formatSocketAddress(current.address));
    try {
      return await allocateOnce(current, server.credentials, options, signal);
    } catch (error) {
      if (!(error instanceof TurnError)) throw error;
      if (error.code === "allocation-mismatch" && mismatches++ < MAX_MISMATCHES) continue;
      const { code, alternate, alternateDomain } = error;
      // RFC 8489 §10: never again where we have been, or two servers could play ball with us
      const led = code === "try-alternate" && alternate !== undefined &&
        visited.size <= MAX_REDIRECTS && !visited.has(formatSocketAddress(alternate));
      if (!led) throw error;
      const serverName = alternateDomain ?? current.serverName;
      current = { ...current, address: alternate, serverName };
    }
  }
}

async function allocateOnce(
  route: Route,
  credentials: RelayOptions["servers"][number]["credentials"],
  options: RelayOptions,
  signal: AbortSignal,
): Promise<TurnRelay> {
  const { clock, random, family = 4, relay = "udp", timing } = options;
  const link = await dialLink(route, signal);
  const client = new TurnClient({
    transport: link.transport,
    relay,
    families: [family],
    random,
    now: clock.now(),
    ...(credentials === undefined ? {} : { credentials }),
    ...(timing === undefined ? {} : { timing }),
  });
  const driver = new TurnDriver(client, link, clock);
  const outcome = Promise.withResolvers<TurnRelay>();
  driver.onEvent = (event) => {
    // from here on the relay takes the events
    if (event.type === "allocated") {
      outcome.resolve(new TurnRelay({ client, driver, route, clock, allocated: event }));
    } else if (event.type === "failed") outcome.reject(event.error);
  };
  const abort = () => outcome.reject(new TurnError("closed", "aborted"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    driver.do(() => {});
    return await outcome.promise;
  } catch (error) {
    // the server may have made an allocation just now; one word, without waiting for the answer
    if (signal.aborted) driver.do((now) => client.close(now));
    await driver.stop();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
