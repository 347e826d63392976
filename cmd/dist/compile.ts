import { run } from "./command.ts";
import type { Platform } from "./platform.ts";
import { type Program, RUNTIME_FLAGS } from "./programs.ts";

/**
 * Compiles a program to an executable by `deno compile`, which takes the runtime from `DENORT_BIN`
 * where that is set, else from its cache or from the network.
 *
 * @param root folder of the project
 * @param path of the file to write
 * @throws {CommandError} when the runtime cannot be had, for one
 */
export async function compile(
  program: Program,
  { platform, root, path }: {
    readonly platform: Platform;
    readonly root: string;
    readonly path: string;
  },
): Promise<void> {
  await run([
    Deno.execPath(),
    "compile",
    "--quiet",
    ...RUNTIME_FLAGS,
    ...program.permissions,
    `--target=${platform.triple}`,
    `--output=${path}`,
    program.entry,
  ], { cwd: root });
}
