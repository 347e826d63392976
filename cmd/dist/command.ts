import { ExitCode, ToolError } from "../tool/exit_code.ts";

/** A command has failed; the message is what it said. */
export class CommandError extends ToolError {
  constructor(message: string, options?: ErrorOptions) {
    super(ExitCode.failure, message, options);
  }
}

/**
 * Runs a command to its end.
 *
 * @returns what it wrote to standard output
 * @throws {CommandError} when it is not there or fails
 */
export async function run(
  [program, ...args]: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<string> {
  const decoder = new TextDecoder();
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
    if (code === 0) return decoder.decode(stdout);
    const said = (decoder.decode(stderr) + decoder.decode(stdout)).trim();
    throw new CommandError(`${program} ${args[0] ?? ""} failed (exit ${code}): ${said}`);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new CommandError(`${program} is not installed`, { cause });
  }
}

/** Whether a program is there to be run. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
