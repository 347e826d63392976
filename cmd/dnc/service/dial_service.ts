import { DeclineCode } from "../../peer/peer_channel.ts";
import type { StreamConnection } from "../relay.ts";
import { formatService, type Service } from "./service.ts";

/** A service that has not taken the connection by then is given up, ms. */
const DIAL_TIMEOUT_MS = 10_000;

/** A service that could not be reached, in the terms in which its channel is declined. */
export class ServiceFailure extends Error {
  override readonly name = "ServiceFailure";

  /** @param code one of {@linkcode DeclineCode} */
  constructor(readonly code: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Connects to a TCP service or a unix socket within 10 s.
 *
 * @throws {ServiceFailure} when it cannot be reached
 */
export async function dialService(
  service: Exclude<Service, { kind: "udp" }>,
  signal: AbortSignal,
): Promise<StreamConnection> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), DIAL_TIMEOUT_MS);
  try {
    if (service.kind === "unix") {
      return await Deno.connect({ transport: "unix", path: service.path });
    }
    const connection = await Deno.connect({
      hostname: service.host,
      port: service.port,
      signal: AbortSignal.any([signal, deadline.signal]),
    });
    connection.setNoDelay(true);
    return connection;
  } catch (error) {
    throw serviceFailure(service, deadline.signal.aborted ? new Deno.errors.TimedOut() : error);
  } finally {
    clearTimeout(timer);
  }
}

/** What an error on the way to a service means. */
export function serviceFailure(service: Service, cause: unknown): ServiceFailure {
  const name = formatService(service);
  if (cause instanceof Deno.errors.ConnectionRefused) {
    const reason = `connection refused by target ${name}`;
    return new ServiceFailure(DeclineCode.targetRefused, reason, { cause });
  }
  if (cause instanceof Deno.errors.TimedOut) {
    const reason = `target ${name} does not answer`;
    return new ServiceFailure(DeclineCode.targetUnreachable, reason, { cause });
  }
  const reason = `target ${name} cannot be reached: ${
    cause instanceof Error ? cause.message : cause
  }`;
  return new ServiceFailure(
    service.kind === "unix" ? DeclineCode.targetFailed : DeclineCode.targetUnreachable,
    reason,
    { cause },
  );
}
