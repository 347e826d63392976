import { LogBudget } from "../../lib/endpoint/log_budget.ts";
import { failureMessage } from "../peer/failure.ts";
import { DeclineCode, type IncomingChannel } from "../peer/peer_channel.ts";
import type { Report } from "../peer/report.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { openDatagramTarget, serveDatagrams } from "./datagram/serve_datagrams.ts";
import { RemoteListeners } from "./forward/remote_listeners.ts";
import { relay } from "./relay.ts";
import { dialService, ServiceFailure, serviceFailure } from "./service/dial_service.ts";
import { formatService, type Service } from "./service/service.ts";
import type { ServicePolicy } from "./service_policy.ts";

/** What `dnc -l --allow` needs to know. */
export interface ServeOptions {
  /** What peers may reach. */
  readonly policy: ServicePolicy;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
  /** After SIGTERM, what is connected may go on for so long, ms. Default: 0. */
  readonly drainTimeoutMs?: number;
  /** Told when SIGTERM came, before the wait. */
  onDrain?(): void;
}

/**
 * `dnc -l --allow SERVICE`: connects peers to the allowed services, many at once, until the signal.
 *
 * @param requests the channels that peers ask for
 * @throws the signal's reason
 */
export async function serve(
  requests: AsyncIterable<IncomingChannel>,
  options: ServeOptions,
): Promise<never> {
  const { signal, report, drainTimeoutMs = 0 } = options;
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const listeners = new RemoteListeners();
  const lines = new LogBudget(performance.now());
  const connected = new Set<Promise<void>>();
  const work = async () => {
    for await (const incoming of requests) {
      const served = serveOne(incoming, listeners, lines, options).catch((error) =>
        report.detail(`${incoming.peer.id}: ${failureMessage(error)}`)
      ).finally(() => connected.delete(served));
      connected.add(served);
    }
  };
  work().catch(stopped.reject);
  try {
    return await stopped.promise;
  } catch (error) {
    // Who presses Ctrl-C does not want to wait.
    const isTerminated = error instanceof ToolError && error.exitCode === ExitCode.terminated;
    if (isTerminated && drainTimeoutMs > 0) {
      options.onDrain?.();
      listeners.close();
      await waitAtMost(Promise.all(connected), drainTimeoutMs);
    }
    throw error;
  }
}

async function serveOne(
  incoming: IncomingChannel,
  listeners: RemoteListeners,
  lines: LogBudget,
  { policy, report, signal }: ServeOptions,
): Promise<void> {
  const { peer, name } = incoming;
  const wanted = policy.decide(name, peer);
  if (typeof wanted === "string") {
    tellDeclined(peer.id, wanted, lines, report);
    return incoming.decline(DeclineCode.notAllowed, wanted);
  }
  if (signal.aborted) {
    return incoming.decline(DeclineCode.targetFailed, "this peer is shutting down");
  }
  if (wanted.kind === "listen") return await listeners.serve(incoming, wanted);
  try {
    await joinService(incoming, wanted, report, signal);
  } catch (error) {
    if (error instanceof ServiceFailure) incoming.decline(error.code, error.message);
    throw error;
  }
  const service = formatService(wanted);
  report.detail(`${peer.id}: finished with ${service}`, { peer: peer.id, service });
}

/** In the log, unless a peer that asks on and on has filled it already. */
function tellDeclined(peer: string, reason: string, lines: LogBudget, report: Report): void {
  const line = lines.spend(performance.now());
  if (line === undefined) return;
  const { leftOut } = line;
  if (leftOut > 0) report.notice(`${leftOut} more that were declined were not logged`);
  report.notice(`declined ${peer}: ${reason}`, { level: "warning", peer, reason });
}

async function joinService(
  incoming: IncomingChannel,
  service: Service,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const name = formatService(service);
  const peer = incoming.peer.id;
  const connected = () =>
    report.detail(`${peer}: connected to ${name}`, { level: "info", peer, service: name });
  if (service.kind === "udp") {
    const target = await openDatagramTarget(service, signal).catch((error) => {
      throw serviceFailure(service, error);
    });
    connected();
    return await serveDatagrams(incoming.accept(), target);
  }
  const connection = await dialService(service, signal);
  connected();
  await relay(incoming.accept(), connection);
}
