/**
 * How a running tool tells its user's other processes what it is doing: each has a unix socket in the
 * configuration directory, and whoever connects gets one line of JSON. Only the user can connect.
 *
 * @module
 */
import { incomingConnections } from "../../lib/net/incoming_connections.ts";
import { configDirectory } from "../tool/config_directory.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { jsonLine } from "../tool/output.ts";
import { listenPrivately, removeDeserted } from "../tool/private_socket.ts";

/** Whoever asks and does not read is left alone after this time, ms. */
const SERVE_TIMEOUT_MS = 2_000;
/** A process that has not answered by then is stuck, ms. */
const ANSWER_TIMEOUT_MS = 3_000;
/** A socket that nobody listens at after this time has been left by a killed process, ms. */
const STALE_MS = 10_000;
const SUFFIX = ".sock";

function directory(tool: string): string {
  return `${configDirectory()}/${tool}`;
}

function socketPath(tool: string, name: string): string {
  return `${directory(tool)}/${name}${SUFFIX}`;
}

/** The names under which processes of a tool have, or had, a socket. */
export function statusNames(tool: string): string[] {
  try {
    return [...Deno.readDirSync(directory(tool))]
      .filter(({ name }) => name.endsWith(SUFFIX))
      .map(({ name }) => name.slice(0, -SUFFIX.length))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Tells whoever connects what is going on. A socket of that name which a killed process left is
 * replaced: the name has to be one that no other running process has.
 *
 * @returns what ends it
 */
export async function serveStatus(
  tool: string,
  name: string,
  report: () => unknown,
): Promise<Disposable> {
  await Deno.mkdir(directory(tool), { recursive: true, mode: 0o700 });
  const path = socketPath(tool, name);
  await Deno.remove(path).catch(() => {});
  await removeStale(tool);
  const listener = listenPrivately(path);
  const answer = async (connection: Deno.UnixConn) => {
    const timer = setTimeout(() => connection.close(), SERVE_TIMEOUT_MS);
    try {
      const writer = connection.writable.getWriter();
      await writer.write(new TextEncoder().encode(jsonLine(report())));
      await writer.close();
    } finally {
      clearTimeout(timer);
    }
  };
  const serve = async () => {
    for await (const connection of incomingConnections(listener)) {
      answer(connection).catch(() => {});
    }
  };
  serve().catch(() => {});
  return {
    [Symbol.dispose]: () => {
      listener.close();
      try {
        Deno.removeSync(path);
      } catch {
        // somebody has tidied up
      }
    },
  };
}

/** Removes what killed processes have left, but nothing that is being made at this moment. */
async function removeStale(tool: string): Promise<void> {
  for (const name of statusNames(tool)) {
    const path = socketPath(tool, name);
    try {
      const { mtime } = await Deno.lstat(path);
      if (mtime === null || Date.now() - mtime.getTime() < STALE_MS) continue;
    } catch {
      continue; // somebody has tidied up
    }
    await removeDeserted(path);
  }
}

/**
 * What a running process says.
 *
 * @returns undefined when there is none
 * @throws {ToolError} when it does not answer
 */
export async function askStatus<Report>(tool: string, name: string): Promise<Report | undefined> {
  const path = socketPath(tool, name);
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (cause) {
    // A killed process leaves its socket.
    if (cause instanceof Deno.errors.NotFound) return undefined;
    if (cause instanceof Deno.errors.ConnectionRefused) return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.failure, `${path}: ${reason}`, { cause });
  }
  const timer = setTimeout(() => connection.close(), ANSWER_TIMEOUT_MS);
  try {
    return await new Response(connection.readable).json();
  } catch (cause) {
    throw new ToolError(ExitCode.failure, `the ${tool} at ${path} does not answer`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
