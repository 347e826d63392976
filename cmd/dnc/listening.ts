import { waitAtMost } from "../tool/waiting.ts";
import { isInterruption } from "../tool/interruption.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import type { Doorkeeper, GuardedEndpoint } from "../peer/doorkeeper.ts";
import type { PeerEndpoint } from "../peer/peer_channel.ts";
import { reloadAtHangup } from "../peer/reload.ts";
import type { Report } from "../peer/report.ts";
import { STANDARD_STREAMS } from "../peer/standard_streams.ts";
import { TURN_PASS_VARIABLE } from "../peer/turn_account.ts";
import { listen } from "./listen.ts";
import { peerCommand } from "./peer_command.ts";
import { withoutPings } from "./ping_service.ts";
import { type DncCommand, reloadingOf } from "./reload.ts";
import { serve } from "./serve.ts";
import { purposesOf, ServicePolicy } from "./service_policy.ts";
import type { Task } from "./task.ts";

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;
/** Time for what is connected at SIGTERM, unless `--drain-timeout` says otherwise, ms. */
const DRAIN_TIMEOUT_MS = 10_000;

/** What `dnc -l` needs to know. */
export interface ListeningOptions {
  /** The whole command line. */
  readonly command: DncCommand;
  /** Decides who may connect. */
  readonly doorkeeper: Doorkeeper;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
  /** URL of the module that this process was started from. */
  readonly entry: string;
}

/**
 * `dnc -l`: serves one peer by the standard streams, or many by services.
 *
 * @returns the exit code
 * @throws {ToolError} when the connection breaks; the signal's reason
 */
export async function listenForPeers(
  endpoint: PeerEndpoint & GuardedEndpoint,
  task: Extract<Task, { kind: "listen" | "serve" }>,
  options: ListeningOptions,
): Promise<number> {
  const { command, doorkeeper, signal, report, entry } = options;
  const { values } = command;
  const policy = await ServicePolicy.create(
    task.kind === "serve" ? task.rules : { services: [], listens: [] },
  );
  // Taken before peers can find us, so that none is turned away.
  const incoming = withoutPings(endpoint.incoming());
  const purposes = task.kind === "serve" ? purposesOf(task.rules) : [undefined];
  const commands = purposes.map((one) => peerCommand(endpoint.id, values, one, entry));
  // Listening begins at once; only the announcement may take its time.
  const watching = doorkeeper.watch(endpoint, signal);
  watching.catch(() => {});
  if (task.kind === "serve" && command.file !== undefined) {
    reloadAtHangup(reloadingOf(command, { endpoint, doorkeeper, policy, report }), signal);
  }
  await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
  report.notice(`listening, id ${endpoint.id}`, { event: "listening", id: endpoint.id });
  if (commands.length > 0) report.notice(`on the other side run:\n  ${commands.join("\n  ")}`);
  if (values.turn_user !== undefined) {
    report.notice(`there, ${TURN_PASS_VARIABLE} must hold the password of ${values.turn_user}`);
  }
  await notifyServiceManager(["READY=1", `STATUS=listening, id ${endpoint.id}`]);
  const common = { signal, report };
  try {
    if (task.kind === "listen") {
      return await listen(endpoint, incoming, { ...common, streams: STANDARD_STREAMS });
    }
    return await serve(incoming, {
      ...common,
      policy,
      drainTimeoutMs: values["drain-timeout"] ?? DRAIN_TIMEOUT_MS,
      onDrain: () => doorkeeper.close("this peer is shutting down"),
    });
  } catch (error) {
    if (isInterruption(error)) await notifyServiceManager(["STOPPING=1"]);
    throw error;
  }
}
