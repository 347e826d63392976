import { fileURLToPath } from "node:url";
import { PROGRAMS, RUNTIME_FLAGS } from "../../cmd/dist/programs.ts";

const ROOT = new URL("../../", import.meta.url);
/** A tool that has not ended by then hangs. */
const TIMEOUT_MS = 30_000;

/** How a tool's process ended. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tools that the project has. */
export type ToolName = "dnc" | "dsh" | "dvpn" | "crtmgr";

/**
 * Folder with executables that are to be tested in place of the sources, from the environment
 * variable DHTNET_TOOLS.
 */
const EXECUTABLES = Deno.env.get("DHTNET_TOOLS");

/** The words that start a tool: its sources with the permissions of what is shipped, or that. */
export function toolWords(tool: ToolName): readonly [string, ...string[]] {
  if (EXECUTABLES !== undefined) return [`${EXECUTABLES}/${tool}`];
  const { entry, permissions } = PROGRAMS.find(({ name }) => name === tool)!;
  const path = fileURLToPath(new URL(entry, ROOT));
  return [Deno.execPath(), "run", ...RUNTIME_FLAGS, ...permissions, path];
}

/** The command that starts a tool. */
export function toolCommand(
  tool: ToolName,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Deno.Command {
  const [program, ...words] = toolWords(tool);
  return new Deno.Command(program, {
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    args: [...words, ...args],
  });
}

/** Runs a tool without standard input to its end. */
export async function runToolProcess(
  tool: ToolName,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ToolResult> {
  const command = toolCommand(tool, args, {
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
