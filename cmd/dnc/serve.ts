import { DeclineCode, type IncomingChannel } from "../peer/peer_channel.ts";
import { relay } from "./relay.ts";
import type { Report } from "../peer/report.ts";
import { formatTarget, type Target } from "../peer/target.ts";
import { parseServiceName } from "./service_name.ts";

/** A target that has not taken the connection by then is given up, ms. */
const TARGET_TIMEOUT_MS = 10_000;

/** What `dnc -l --allow` needs to know. */
export interface ServeOptions {
  /** What peers may reach. */
  readonly targets: readonly Target[];
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
}

/**
 * `dnc -l --allow HOST:PORT`: connects peers to the allowed targets, many at once, until the signal.
 *
 * @param requests the channels that peers ask for
 * @throws the signal's reason
 */
export async function serve(
  requests: AsyncIterable<IncomingChannel>,
  options: ServeOptions,
): Promise<never> {
  const { signal, report } = options;
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const work = async () => {
    for await (const incoming of requests) {
      serveOne(incoming, options).catch((error) =>
        report.detail(`${incoming.peer.id}: ${error instanceof Error ? error.message : error}`)
      );
    }
  };
  work().catch(stopped.reject);
  return await stopped.promise;
}

async function serveOne(
  incoming: IncomingChannel,
  { targets, report, signal }: ServeOptions,
): Promise<void> {
  const { peer, name } = incoming;
  const target = allowedTarget(name, targets);
  if (target === undefined) {
    const reason = refusal(name);
    report.detail(`${peer.id}: declined: ${reason}`);
    return incoming.decline(DeclineCode.notAllowed, reason);
  }
  const connection = await dialTarget(target, signal).catch((error: unknown) => {
    const reason = targetFailure(target, error);
    report.detail(`${peer.id}: ${reason}`);
    incoming.decline(DeclineCode.targetFailed, reason);
  });
  if (connection === undefined) return;
  report.detail(`${peer.id}: connected to ${formatTarget(target)}`);
  await relay(incoming.accept(), connection);
  report.detail(`${peer.id}: finished with ${formatTarget(target)}`);
}

function allowedTarget(name: string, targets: readonly Target[]): Target | undefined {
  const wanted = parseServiceName(name);
  if (wanted === undefined || wanted === "standard-streams") return undefined;
  return targets.find(({ host, port }) => host === wanted.host && port === wanted.port);
}

function refusal(name: string): string {
  const wanted = parseServiceName(name);
  if (wanted === "standard-streams") return "this peer serves targets only: name one by -i and -P";
  if (wanted === undefined) return "this peer knows no such service";
  return `${formatTarget(wanted)} is not a target that this peer allows`;
}

/** Connects within {@linkcode TARGET_TIMEOUT_MS}. */
async function dialTarget({ host, port }: Target, signal: AbortSignal): Promise<Deno.TcpConn> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), TARGET_TIMEOUT_MS);
  try {
    const connection = await Deno.connect({
      hostname: host,
      port,
      signal: AbortSignal.any([signal, deadline.signal]),
    });
    connection.setNoDelay(true);
    return connection;
  } catch (error) {
    if (deadline.signal.aborted) throw new Deno.errors.TimedOut();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function targetFailure(target: Target, error: unknown): string {
  const name = formatTarget(target);
  if (error instanceof Deno.errors.ConnectionRefused) return `connection refused by target ${name}`;
  if (error instanceof Deno.errors.TimedOut) return `target ${name} does not answer`;
  return `target ${name} cannot be reached: ${error instanceof Error ? error.message : error}`;
}
