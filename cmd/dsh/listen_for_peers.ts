import type { Identity } from "../../lib/identity/mod.ts";
import type { Endpoint } from "../../mod.ts";
import { Doorkeeper } from "../peer/doorkeeper.ts";
import type { Report } from "../peer/report.ts";
import { readTrust } from "../peer/trust.ts";
import { isInterruption } from "../tool/interruption.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { peerCommand } from "./peer_command.ts";
import type { DshCommand } from "./run.ts";
import { Accounts } from "./server/accounts.ts";
import { serveSessions } from "./server/serve_sessions.ts";
import { ACCEPTED_VARIABLES } from "./server/session_environment.ts";
import { SessionService } from "./server/session_service.ts";
import { allowedRoot } from "./transfer/server/allowed_root.ts";
import { FileService } from "./transfer/server/file_service.ts";

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_SESSIONS = 100;
const DEFAULT_KEEP_MS = 24 * 3_600_000;
/** Long enough to read back what an interrupted transfer has left of a terabyte. */
const TRANSFER_IDLE_MS = 3_600_000;

/** What `dsh -l` needs to know. */
export interface ServerOptions {
  readonly command: DshCommand;
  readonly identity: Identity;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly report: Report;
  /** URL of the module that this process was started from. */
  readonly entry: string;
}

/** A server that is ready to be reachable: all that can be wrong with its options was not. */
export interface ReadyServer {
  readonly doorkeeper: Doorkeeper;
  /** Serves until the signal, whose reason it throws. */
  serve(endpoint: Endpoint): Promise<never>;
}

/**
 * Prepares `dsh -l`.
 *
 * @throws {ToolError} usage, when a file cannot be used, or a user is none
 */
export async function prepareServer(options: ServerOptions): Promise<ReadyServer> {
  const { command, identity, signal, report, entry } = options;
  const { values } = command;
  const defaults = { identity, anonymous: false };
  const doorkeeper = await Doorkeeper.open(command, defaults, report);
  const { rules } = await readTrust(command, defaults);
  const accounts = await Accounts.of(values.user, rules.authorities);
  const service = new SessionService({
    policy: {
      binary: values.binary,
      forcedCommand: values["forced-command"],
      allowedCommands: values["allow-command"],
    },
    accounts,
    acceptedVariables: [...ACCEPTED_VARIABLES, ...values["accept-env"]],
    maxSessions: values["max-sessions"] ?? DEFAULT_MAX_SESSIONS,
    idleTimeoutMs: values["idle-timeout"],
    keepMs: values["no-keep"] ? 0 : values["keep-sessions"] ?? DEFAULT_KEEP_MS,
    report,
  });
  const files = new FileService({
    root: allowedRoot(values.files),
    isReadOnly: values["files-read-only"],
    accounts,
    idleTimeoutMs: values["idle-timeout"] ?? TRANSFER_IDLE_MS,
    report,
  });
  return {
    doorkeeper,
    async serve(endpoint) {
      // Taken before peers can find us, so that none is turned away.
      const incoming = endpoint.incoming();
      doorkeeper.watch(endpoint, signal).catch(() => {});
      await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
      report.notice(`listening, id ${endpoint.id}`, { event: "listening", id: endpoint.id });
      report.notice(`on the other side run:\n  ${peerCommand(endpoint.id, values, entry)}`);
      await notifyServiceManager(["READY=1", `STATUS=listening, id ${endpoint.id}`]);
      try {
        return await serveSessions(incoming, { sessions: service, files }, signal);
      } catch (error) {
        if (isInterruption(error)) await notifyServiceManager(["STOPPING=1"]);
        throw error;
      }
    },
  };
}
