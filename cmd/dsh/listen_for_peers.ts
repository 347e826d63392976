import type { Identity } from "../../lib/identity/mod.ts";
import type { Endpoint } from "../../mod.ts";
import { Doorkeeper } from "../peer/doorkeeper.ts";
import type { Report } from "../peer/report.ts";
import { NETWORK_OPTIONS } from "../peer/network_table.ts";
import { reloadAtHangup } from "../peer/reload.ts";
import { isInterruption } from "../tool/interruption.ts";
import { notifyServiceManager } from "../tool/service_manager.ts";
import { waitAtMost } from "../tool/waiting.ts";
import { peerCommand } from "./peer_command.ts";
import type { DshCommand } from "./run.ts";
import { rehearseKeys } from "./rehearsal.ts";
import { serveSessions } from "./server/serve_sessions.ts";
import { readRules, trustDefaults } from "./server/server_rules.ts";
import { SessionService } from "./server/session_service.ts";
import { taskOf } from "./task.ts";
import { FileService } from "./transfer/server/file_service.ts";

/** Longest wait until nodes of the DHT hold our announcement before the user is told to go on, ms. */
const ANNOUNCE_TIMEOUT_MS = 5_000;
/** Settings that are read at the start only. */
const FIXED = [...Object.keys(NETWORK_OPTIONS), "quiet", "verbose", "log-format"];

/** What `dsh -l` needs to know. */
export interface ServerOptions {
  readonly command: DshCommand;
  readonly identity: Identity;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly report: Report;
  /** Who was let in, or was not, and what became of it: a log that `--quiet` does not silence. */
  readonly audit: Report;
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
  const { command, identity, signal, report, audit, entry } = options;
  const { values } = command;
  const doorkeeper = await Doorkeeper.open(command, trustDefaults(identity), audit);
  // Its files may change while the server runs.
  const authorities = () => doorkeeper.authorities;
  const rules = await readRules(command, authorities);
  const sessions = new SessionService(rules.sessions, { report, audit });
  const files = new FileService(rules.files, audit);
  return {
    doorkeeper,
    async serve(endpoint) {
      // Taken before peers can find us, so that none is turned away.
      const incoming = endpoint.incoming();
      doorkeeper.watch(endpoint, signal).catch(() => {});
      const putInForce = async (next: DshCommand) => {
        // A mistake is found before anything is changed.
        taskOf(next);
        const nextRules = await readRules(next, authorities);
        await doorkeeper.reload(next, endpoint);
        sessions.replaceRules(nextRules.sessions);
        files.replaceRules(nextRules.files);
      };
      if (command.file !== undefined) {
        reloadAtHangup({ command, putInForce, fixed: FIXED, report }, signal);
      }
      await waitAtMost(endpoint.listen(), ANNOUNCE_TIMEOUT_MS, signal);
      report.notice(`listening, id ${endpoint.id}`, { event: "listening", id: endpoint.id });
      report.notice(`on the other side run:\n  ${peerCommand(endpoint.id, values, entry)}`);
      await notifyServiceManager(["READY=1", `STATUS=listening, id ${endpoint.id}`]);
      rehearseKeys(signal).catch(() => {});
      try {
        return await serveSessions(incoming, { sessions, files }, signal);
      } catch (error) {
        if (isInterruption(error)) await notifyServiceManager(["STOPPING=1"]);
        throw error;
      }
    },
  };
}
