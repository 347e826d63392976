import { ExitCode, ToolError } from "../../../tool/exit_code.ts";
import { attempt } from "../tree/tree_error.ts";

/**
 * The real path of the directory that `--files` names.
 *
 * @throws {ToolError} usage, when it is none
 */
export function allowedRoot(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    const real = attempt(() => Deno.realPathSync(path));
    if (Deno.statSync(real).isDirectory) return real;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(ExitCode.usage, `--files ${path}: ${reason}`, { cause });
  }
  throw new ToolError(ExitCode.usage, `--files ${path}: it is no directory`);
}
