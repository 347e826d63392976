import { run } from "./command.ts";
import type { Program } from "./programs.ts";

/** Name of the module that a bundled program starts with. */
export const ENTRY_FILE = "main.js";

/**
 * Bundles a program with all it imports: an entry module, and one module for each part that is
 * loaded when needed.
 *
 * @param root folder of the project
 * @param directory to write to; made if need be
 * @throws {CommandError}
 */
export async function bundle(program: Program, root: string, directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  await run([
    Deno.execPath(),
    "bundle",
    "--platform=deno",
    "--code-splitting",
    // Not minified, although that takes 10 of 70 ms off the start: the bundler of Deno 2.9.6 then
    // puts what `using` names into the place of its only use, and nothing is disposed of.
    "--quiet",
    `--outdir=${directory}`,
    program.entry,
  ], { cwd: root });
  await Deno.rename(`${directory}/${program.name}.js`, `${directory}/${ENTRY_FILE}`);
  for await (const { name } of Deno.readDir(directory)) await requireLate(`${directory}/${name}`);
}

/** What the bundler puts where CommonJS asks for a module of the runtime, as `yaml` does. */
const REQUIRE =
  /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);$/m;
/** Asks when it is called: loading `node:module` costs every start 14 ms. */
const LATE_REQUIRE = "var __require = (name) => process.getBuiltinModule(name);";

/** Lets a module ask for the runtime's modules when it needs them. */
async function requireLate(path: string): Promise<void> {
  const code = await Deno.readTextFile(path);
  if (REQUIRE.test(code)) await Deno.writeTextFile(path, code.replace(REQUIRE, LATE_REQUIRE));
}
