import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { pause } from "../pause.ts";

/** A master whose queue is full gets a little time, this often. */
const BUSY_ATTEMPTS = 100;
const BUSY_PAUSE_MS = 20;
/** Longest wait for the other `dnc` that is starting a master, ms. */
const LOCK_TIMEOUT_MS = 30_000;
const NEVER = new AbortController().signal;

/**
 * Connects to the master at a path; starts one if there is none. Of several that come at once, one
 * starts it, and the others wait for that; a socket that a dead master has left is removed.
 *
 * ```
 *  connect ─ refused, absent ─▶ lock ─▶ connect ─ refused, absent ─▶ remove ─▶ start ─▶ connect
 * ```
 *
 * @param start resolves when the master has bound its socket
 * @throws {ToolError} usage, when no socket can be made there; when there is no master then, either
 */
export async function reachMaster(
  path: string,
  start: () => Promise<void>,
): Promise<Deno.UnixConn> {
  const connection = await connectTo(path);
  if (connection !== undefined) return connection;
  // The lock is the file's, and goes with its process however that ends; the file itself stays.
  using file = await openLock(`${path}.lock`);
  await lock(file, path);
  const meanwhile = await connectTo(path);
  if (meanwhile !== undefined) return meanwhile;
  removeStale(path);
  await start();
  const started = await connectTo(path);
  if (started !== undefined) return started;
  throw new ToolError(ExitCode.failure, `nobody listens at the control socket ${path}`);
}

/**
 * Connects to a socket.
 *
 * @returns undefined when nobody listens there
 * @throws {ToolError} when it may not be used
 */
export async function connectTo(path: string): Promise<Deno.UnixConn | undefined> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      if (cause instanceof Deno.errors.ConnectionRefused) return undefined;
      const isBusy = cause instanceof Deno.errors.WouldBlock && attempt < BUSY_ATTEMPTS;
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (!isBusy) {
        throw new ToolError(ExitCode.failure, `control socket ${path}: ${reason}`, { cause });
      }
      await pause(BUSY_PAUSE_MS, NEVER);
    }
  }
}

/**
 * Removes the socket that a dead master has left.
 *
 * @throws {ToolError} usage, when something else is there
 */
export function removeStale(path: string): void {
  try {
    if (!Deno.lstatSync(path).isSocket) {
      throw new ToolError(ExitCode.usage, `--control: ${path} exists, and is no socket`);
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { create: true, write: true, mode: 0o600 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.usage, `--control: cannot make ${path}: ${reason}`, { cause });
  }
}

async function lock(file: Deno.FsFile, path: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ToolError(ExitCode.failure, `${path} is being set up for too long`)),
    LOCK_TIMEOUT_MS,
  );
  try {
    await Promise.race([file.lock(true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
