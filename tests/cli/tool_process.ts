const ROOT = new URL("../../", import.meta.url);
/** A tool that has not ended by then hangs. */
const TIMEOUT_MS = 30_000;

/** How a tool's process ended. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command that starts a tool from its sources, as the README has it. */
export function toolCommand(
  tool: "dnc" | "crtmgr",
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Deno.Command {
  const entry = new URL(`cmd/${tool}.ts`, ROOT).pathname;
  return new Deno.Command(Deno.execPath(), {
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    args: ["run", "-A", "--unstable-net", entry, ...args],
  });
}

/** Runs a tool without standard input to its end. */
export async function runToolProcess(
  tool: "dnc" | "crtmgr",
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
