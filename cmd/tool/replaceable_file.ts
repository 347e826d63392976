import { ExitCode, ToolError } from "./exit_code.ts";

/**
 * The file to write anew for a name that a user gave: what a link leads to, which would otherwise
 * stay as it is, while another file takes the place of the link.
 *
 * @throws {ToolError} usage, when something else is there, such as a device: it would be replaced
 */
export async function replaceableFile(path: string): Promise<string> {
  if (!await isThere(path)) return path;
  try {
    // Before the link is read: the system follows no stranger's link out of a folder like /tmp.
    const { isFile, isDirectory } = await Deno.stat(path);
    if (!isFile) throw unusable(path, isDirectory ? "is a directory" : "is no regular file");
    return await Deno.realPath(path);
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    const reason = cause instanceof Deno.errors.NotFound
      ? "is a link that leads nowhere"
      : `cannot be written: ${cause instanceof Error ? cause.message : cause}`;
    throw unusable(path, reason, cause);
  }
}

/** Whether a file, a link or anything else has that name; writing tells why nobody can know. */
async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

function unusable(path: string, reason: string, cause?: unknown): ToolError {
  return new ToolError(ExitCode.usage, `${path} ${reason}`, { cause });
}
