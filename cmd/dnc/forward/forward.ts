import { explainFailure, failureMessage } from "../../peer/failure.ts";
import type { Dialler } from "../../peer/peer_channel.ts";
import { describePath, type Report } from "../../peer/report.ts";
import { formatTarget } from "../../peer/target.ts";
import { PING_CHANNEL } from "../ping_service.ts";
import { relay, type StreamConnection } from "../relay.ts";
import { formatService } from "../service/service.ts";
import { formatServiceName } from "../service_name.ts";
import { serveSocks } from "../socks/serve_socks.ts";
import { DatagramForwarding } from "./forward_datagrams.ts";
import { formatListenAddress, type Forwards, type ListenAddress } from "./forward_spec.ts";
import { LocalListener } from "./local_listener.ts";
import { PeerLink } from "./peer_link.ts";
import { RemoteForwarding } from "./remote_forwarding.ts";

/** What `dnc ID -L … -R … -D …` needs to know. */
export interface ForwardOptions {
  /** The peer's id. */
  readonly id: string;
  /** What goes where. */
  readonly forwards: Forwards;
  /** Longest time until there is a session, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
}

/**
 * `dnc ID -L …`: forwards, many connections over one session, until the signal. A port that cannot
 * be had and a peer that cannot be reached are failures at the start; later, a session that is lost
 * is dialled again.
 *
 * @throws {ToolError} at the start; the signal's reason
 */
export async function forward(endpoint: Dialler, options: ForwardOptions): Promise<never> {
  const { id, forwards, report, signal } = options;
  const link = new PeerLink(endpoint, options);
  using listeners = new DisposableStack();
  await using sockets = new AsyncDisposableStack();
  const starts: (() => void)[] = [];
  const listen = async (from: ListenAddress, start: (listener: LocalListener) => void) => {
    for (const listener of await LocalListener.open(from)) {
      listeners.use(listener);
      starts.push(() => start(listener));
    }
  };
  // Our own ports first: what is wrong there is told at once.
  for (const { from, to } of forwards.locals) {
    const name = formatServiceName(to);
    await listen(from, (listener) => {
      report.notice(`${formatListenAddress(listener.address)} leads to ${formatService(to)} there`);
      serveConnections(listener, report, async (connection) => {
        const channel = await link.open(name).catch((error) => {
          connection.close();
          throw error;
        });
        await relay(channel, connection);
      });
    });
  }
  for (const from of forwards.dynamics) {
    await listen(from, (listener) => {
      report.notice(`${formatListenAddress(listener.address)} is a SOCKS5 proxy to there`);
      serveConnections(listener, report, (connection) => serveSocks(connection, link));
    });
  }
  for (const one of forwards.datagrams) {
    const forwarding = await DatagramForwarding.open(one);
    sockets.defer(() => forwarding.close());
    starts.push(() => {
      const from = formatTarget(forwarding.from);
      report.notice(`udp:${from} leads to ${formatService(one.to)} there`);
      forwarding.start(link, one, report);
    });
  }
  try {
    await reach(link);
    report.detail(`connected to ${id} over ${describePath(endpoint, id)}`);
    for (const one of forwards.remotes) {
      await new RemoteForwarding(link, one, options).start();
      report.notice(`${formatTarget(one.from)} there leads to ${formatService(one.to)}`);
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : explainFailure(error);
  }
  for (const start of starts) start();
  return await aborted(signal);
}

/** Makes a session, so that a peer that is not there, or says no, is known at the start. */
async function reach(link: PeerLink): Promise<void> {
  const channel = await link.open(PING_CHANNEL);
  channel.closed.catch(() => {});
  channel.opened.catch(() => {});
  channel.close();
}

function serveConnections(
  listener: LocalListener,
  report: Report,
  serve: (connection: StreamConnection) => Promise<void>,
): void {
  const run = async () => {
    for await (const connection of listener.connections()) {
      serve(connection).catch((error) =>
        report.notice(
          `${formatListenAddress(listener.address)}: ${failureMessage(error)}`,
        )
      );
    }
  };
  run().catch((error) => report.notice(`${formatListenAddress(listener.address)}: ${error}`));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}
