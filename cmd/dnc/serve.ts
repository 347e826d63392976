import { DeclineCode, type IncomingChannel } from "../peer/peer_channel.ts";
import type { Report } from "../peer/report.ts";
import { formatTarget, type Target } from "../peer/target.ts";
import { openDatagramTarget, serveDatagrams } from "./datagram/serve_datagrams.ts";
import { RemoteListeners } from "./forward/remote_listeners.ts";
import { relay } from "./relay.ts";
import { dialService, ServiceFailure, serviceFailure } from "./service/dial_service.ts";
import { formatService, sameService, type Service } from "./service/service.ts";
import { parseServiceName, type RemoteListen } from "./service_name.ts";

/** What `dnc -l --allow` needs to know. */
export interface ServeOptions {
  /** What peers may reach. */
  readonly services: readonly Service[];
  /** Where peers may have us listen for them. */
  readonly listens: readonly Target[];
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
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
  const { signal, report } = options;
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const listeners = new RemoteListeners();
  const work = async () => {
    for await (const incoming of requests) {
      serveOne(incoming, listeners, options).catch((error) =>
        report.detail(`${incoming.peer.id}: ${error instanceof Error ? error.message : error}`)
      );
    }
  };
  work().catch(stopped.reject);
  return await stopped.promise;
}

async function serveOne(
  incoming: IncomingChannel,
  listeners: RemoteListeners,
  { services, listens, report, signal }: ServeOptions,
): Promise<void> {
  const { peer, name } = incoming;
  const wanted = allowed(name, services, listens);
  if (wanted === undefined) {
    const reason = refusal(name);
    report.detail(`${peer.id}: declined: ${reason}`);
    return incoming.decline(DeclineCode.notAllowed, reason);
  }
  if (wanted.kind === "listen") return await listeners.serve(incoming, wanted);
  try {
    await joinService(incoming, wanted, report, signal);
  } catch (error) {
    if (error instanceof ServiceFailure) incoming.decline(error.code, error.message);
    throw error;
  }
  report.detail(`${peer.id}: finished with ${formatService(wanted)}`);
}

async function joinService(
  incoming: IncomingChannel,
  service: Service,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const connected = () =>
    report.detail(`${incoming.peer.id}: connected to ${formatService(service)}`);
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

/** What a channel's name asks for, if it is allowed. */
function allowed(
  name: string,
  services: readonly Service[],
  listens: readonly Target[],
): Service | RemoteListen | undefined {
  const wanted = parseServiceName(name);
  if (wanted === undefined || wanted.kind === "standard-streams") return undefined;
  const isAllowed = wanted.kind === "listen"
    ? listens.some(({ host, port }) => host === wanted.host && port === wanted.port)
    : services.some((service) => sameService(service, wanted));
  return isAllowed ? wanted : undefined;
}

function refusal(name: string): string {
  const wanted = parseServiceName(name);
  if (wanted === undefined) return "this peer knows no such service";
  switch (wanted.kind) {
    case "standard-streams":
      return "this peer serves targets only: name one by -i and -P";
    case "listen":
      return `this peer does not allow to listen on ${formatTarget(wanted)} (--allow-remote)`;
    default:
      return `${formatService(wanted)} is not a target that this peer allows`;
  }
}
