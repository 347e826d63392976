import { readBounded, writeAtomic } from "../../../lib/net/atomic_file.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { type Action, type FileChange, type FileState, showAction } from "./action.ts";
import { runCommand } from "./run_command.ts";

/** More than any file that is changed here has. */
const MAX_FILE_BYTES = 64 << 10;
const PERMISSIONS = 0o7777;
/** What commands say of what is not there. */
const GONE = [
  "No such file or directory",
  "No such process",
  "No such device",
  "Cannot find device",
  "does not exist",
  "Address not found",
  "Cannot assign requested address",
];

/** Makes one change to this host. @throws {ToolError} failure, with the change and the reason */
export async function perform(action: Action): Promise<void> {
  if (!("sysctl" in action) && !("file" in action)) return await runCommand(action);
  try {
    if ("sysctl" in action) await Deno.writeTextFile(sysctlPath(action.sysctl), action.value);
    else await change(action);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.failure, `${showAction(action)}: ${reason}`, { cause });
  }
}

/** Whether a change has failed because what it is to take away is not there. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof ToolError)) return false;
  const { cause, message } = error;
  if (cause !== undefined) return cause instanceof Deno.errors.NotFound;
  return GONE.some((words) => message.includes(words));
}

/** Whether a change has failed because what it is to make is there already. */
export function isThere(error: unknown): boolean {
  return error instanceof ToolError && error.message.includes("File exists");
}

/** The value that a setting of the kernel has; undefined when there is no such setting. */
export function sysctlValue(sysctl: string): string | undefined {
  try {
    return Deno.readTextFileSync(sysctlPath(sysctl)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What is at a path now. @throws {NetError} `file` when it cannot be read */
export async function fileState(path: string): Promise<FileState> {
  const found = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (found === undefined) return { absent: true };
  if (found.isSymlink) return { link: await Deno.readLink(path) };
  return { text: await textOf(path) ?? "", mode: (found.mode ?? 0o644) & PERMISSIONS };
}

function sysctlPath(sysctl: string): string {
  return `/proc/sys/${sysctl}`;
}

async function change({ file, state, insteadOf }: FileChange): Promise<void> {
  if (insteadOf !== undefined && await textOf(file) !== insteadOf) return;
  if ("absent" in state) return await Deno.remove(file);
  if ("link" in state) {
    const temporary = `${file}.dvpn-link`;
    await Deno.remove(temporary).catch(() => {});
    await Deno.symlink(state.link, temporary);
    return await Deno.rename(temporary, file);
  }
  const bytes = new TextEncoder().encode(state.text);
  try {
    await writeAtomic(file, bytes, state.mode);
  } catch (error) {
    if (!await isMounted(file, error)) throw error;
    return await Deno.writeFile(file, bytes);
  }
  // against the umask
  await Deno.chmod(file, state.mode);
}

/**
 * Whether a file cannot be replaced because it is mounted by itself, as in containers. Nothing else
 * is written over: behind a link is a file that nobody has noted, and a full disk would leave none.
 */
async function isMounted(file: string, error: unknown): Promise<boolean> {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  // The directory around it may be read-only, and the file not; if it is, nothing happens to it.
  if (code !== "EBUSY" && code !== "EXDEV" && code !== "EROFS") return false;
  return await Deno.lstat(file).then(({ isFile }) => isFile, () => false);
}

async function textOf(path: string): Promise<string | undefined> {
  const bytes = await readBounded(path, MAX_FILE_BYTES);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
