import { CommandError } from "./command.ts";
import { compile } from "./compile.ts";
import { PLATFORMS, presentPlatform } from "./platform.ts";
import { type Program, PROGRAMS } from "./programs.ts";
import { packRuntime, writeSelfExtracting } from "./self_extracting.ts";

/** How executables are built. */
export interface BuildOptions {
  /** Folder of the project. */
  readonly root: string;
  /** Folder to write to. */
  readonly output: string;
  /** Without trying `deno compile`, which may ask the network for its runtime. */
  readonly selfExtracting: boolean;
  /** Tells what is going on. */
  readonly say: (text: string) => void;
}

/** Names the runtime that is compiled with. */
const OWN_RUNTIME = "DENORT_BIN";

/**
 * Builds all programs: by `deno compile` for every platform, or where its runtime cannot be had as
 * self-extracting files for the present platform. A runtime that `DENORT_BIN` names is one for the
 * present platform, and has to work.
 *
 * @returns the names of the files
 * @throws {CommandError}
 */
export async function buildExecutables(options: BuildOptions): Promise<string[]> {
  const { selfExtracting, say } = options;
  if (!selfExtracting) {
    try {
      return await compileAll(options);
    } catch (error) {
      if (!(error instanceof CommandError) || Deno.env.has(OWN_RUNTIME)) throw error;
      say(`deno compile cannot be used here: ${error.message}`);
    }
  }
  say("building self-extracting files for this platform");
  return await extractAll(options);
}

async function compileAll({ root, output, say }: BuildOptions): Promise<string[]> {
  const names: string[] = [];
  for (const platform of Deno.env.has(OWN_RUNTIME) ? [presentPlatform()] : PLATFORMS) {
    for (const program of PROGRAMS) {
      const name = fileName(program, platform.suffix);
      await compile(program, { platform, root, path: `${output}/${name}` });
      say(name);
      names.push(name);
    }
  }
  return names;
}

async function extractAll({ root, output, say }: BuildOptions): Promise<string[]> {
  if (Deno.build.os === "windows") {
    throw new CommandError("self-extracting files need a POSIX shell: not on Windows");
  }
  const { suffix } = presentPlatform();
  const runtime = await packRuntime();
  const names: string[] = [];
  for (const program of PROGRAMS) {
    const name = fileName(program, suffix);
    await writeSelfExtracting(program, {
      runtime,
      root,
      path: `${output}/${name}`,
      platform: suffix,
    });
    say(name);
    names.push(name);
  }
  return names;
}

function fileName({ name }: Program, suffix: string): string {
  return `${name}-${suffix}`;
}
