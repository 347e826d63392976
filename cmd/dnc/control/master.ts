import { incomingConnections } from "../../../lib/net/incoming_connections.ts";
import type { Dialler } from "../../peer/peer_channel.ts";
import type { Report } from "../../peer/report.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { writeOutput } from "../../tool/output.ts";
import { listenPrivately, removeOwnSocket } from "../../tool/private_socket.ts";
import { connectTo, removeStale } from "./control_socket.ts";
import { serveChannel } from "./serve_channel.ts";

/** How long a master stays after its last channel, unless `--control-persist` says otherwise, ms. */
const DEFAULT_PERSIST_MS = 60_000;

/** Whoever has started the master comes within this time, ms. */
const FIRST_CLIENT_TIMEOUT_MS = 10_000;

/** What `dnc ID --control-master` needs to know. */
export interface MasterOptions {
  /** The peer. */
  readonly id: string;
  /** Where the control socket is to be. */
  readonly path: string;
  /** How long to stay after the last channel, ms. */
  readonly persistMs: number | undefined;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For the user. */
  readonly report: Report;
  /** Told the path once somebody listens there; writes it to standard output by default. */
  announce?(path: string): void;
}

/**
 * `dnc ID --control-master`: holds the session with a peer for other `dnc` of the same user, which
 * come through a control socket. Writes the path of the socket to standard output once it is there;
 * where another master has it already, that is all.
 *
 * @returns 0, when no client has come for a while
 * @throws {ToolError} when the socket cannot be had; the signal's reason
 */
export async function serveControl(dialler: Dialler, options: MasterOptions): Promise<number> {
  const { id, path, persistMs = DEFAULT_PERSIST_MS, signal, report } = options;
  const { announce = (path) => writeOutput(`${path}\n`) } = options;
  const listener = await listenAt(path);
  announce(path);
  if (listener === undefined) return ExitCode.ok;
  const { ino } = Deno.lstatSync(path);
  report.detail(`holding the connection to ${id} for others at ${path}`);
  const over = Promise.withResolvers<void>();
  const abort = () => over.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  let clients = 0;
  let idle = setTimeout(over.resolve, Math.max(persistMs, FIRST_CLIENT_TIMEOUT_MS));
  const work = async () => {
    for await (const connection of incomingConnections(listener)) {
      clearTimeout(idle);
      clients++;
      // What goes wrong with one client must not end the others' channels.
      const complain = (error: unknown) => report.detail(`a client of ${path}: ${error}`);
      serveChannel(connection, dialler, id).catch(complain).finally(() => {
        if (--clients === 0) idle = setTimeout(over.resolve, persistMs);
      });
    }
  };
  work().catch(over.reject);
  try {
    await over.promise;
    return ExitCode.ok;
  } finally {
    clearTimeout(idle);
    // The path first: whoever comes now finds no socket, and starts another master.
    removeOwnSocket(path, ino);
    listener.close();
  }
}

/** @returns undefined when another master listens there */
async function listenAt(path: string): Promise<Deno.UnixListener | undefined> {
  for (let attempt = 1;; attempt++) {
    try {
      return listenPrivately(path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse) || attempt > 1) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ToolError(ExitCode.failure, `no control socket at ${path}: ${reason}`, { cause });
      }
    }
    const other = await connectTo(path);
    if (other !== undefined) {
      other.close();
      return undefined;
    }
    removeStale(path);
  }
}
