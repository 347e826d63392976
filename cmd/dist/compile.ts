import { CommandError, run } from "./command.ts";
import { type Platform, presentPlatform } from "./platform.ts";
import { type Program, RUNTIME_FLAGS, VERSION } from "./programs.ts";

/**
 * Compiles a program to an executable by `deno compile`, which takes the runtime from `DENORT_BIN`
 * where that is set, else from its cache or from the network. One for the present platform is
 * started once: whatever has the right format is taken for a runtime, Deno itself for one.
 *
 * @param root folder of the project
 * @param path of the file to write; there is none after a failure
 * @throws {CommandError} when the runtime cannot be had, or is none; its message is one line
 */
export async function compile(
  program: Program,
  { platform, root, path }: {
    readonly platform: Platform;
    readonly root: string;
    readonly path: string;
  },
): Promise<void> {
  try {
    await run([
      Deno.execPath(),
      "compile",
      "--quiet",
      ...RUNTIME_FLAGS,
      ...program.permissions,
      `--target=${platform.triple}`,
      `--output=${path}`,
      program.entry,
    ], { cwd: root, env: { NO_COLOR: "1" } });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(reasonOf(error.message), { cause: error });
  }
  if (platform.triple !== presentPlatform().triple) return;
  const said = await run([path, "--version"]).catch((error: Error) => error.message);
  const expected = `${program.name} ${VERSION}`;
  if (said.trim() === expected) return;
  await Deno.remove(path);
  throw new CommandError(
    `what was compiled does not say ${JSON.stringify(expected)} when asked for its version: ` +
      `DENORT_BIN has to be the denort of Deno ${Deno.version.deno}`,
  );
}

/** The causes that Deno lists below its message, which tells the name of a temporary file. */
function reasonOf(message: string): string {
  const causes = [...message.matchAll(/^ +\d+: (.+)$/gm)].map(([, cause]) => cause!)
    .filter((cause) => cause !== "<unknown>");
  return causes.length === 0 ? message.split("\n")[0]! : causes.slice(0, 2).join(": ");
}
