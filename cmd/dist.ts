/**
 * `deno task dist`: builds what is shipped into `dist/`: an executable of each tool, packages for
 * Debian and for distributions with rpm, checksums, and a software bill of materials.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { isInstalled, run } from "./dist/command.ts";
import { buildDebianPackage } from "./dist/debian_package.ts";
import { buildExecutables } from "./dist/executables.ts";
import { layOutPackage } from "./dist/package_files.ts";
import { buildRpmPackage } from "./dist/rpm_package.ts";
import { softwareBillOfMaterials } from "./dist/sbom.ts";
import { parseCommandLine } from "./tool/command_line.ts";
import { ExitCode } from "./tool/exit_code.ts";
import { flag, single, text } from "./tool/option.ts";
import { HELP, runTool, type Tool, versionOption } from "./tool/tool.ts";

const DIST_OPTIONS = {
  output: single("o", "DIR", text, "Folder to write to; dist by default."),
  "self-extracting": flag("", "Do not try deno compile, which may ask the network for denort."),
  "no-packages": flag("", "Executables only."),
  help: HELP,
  version: versionOption("V"),
};

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The tool's description. */
const DIST: Tool<typeof DIST_OPTIONS> = {
  name: "dist",
  summary: "build executables and packages",
  usage: ["[-o DIR] [--self-extracting] [--no-packages]"],
  options: DIST_OPTIONS,
  maxPositionals: 0,
  notes: `
deno compile takes its runtime from DENORT_BIN, from Deno's cache or from the
network. Where it cannot be had, executables are self-extracting files for the
present platform. Packages need dpkg-deb and rpmbuild.`,
  async run({ values }: ReturnType<typeof parseCommandLine<typeof DIST_OPTIONS>>) {
    const output = values.output ?? `${ROOT}/dist`;
    await Deno.mkdir(output, { recursive: true });
    const say = (line: string) => console.error(`dist: ${line}`);
    const built = await buildExecutables({
      root: ROOT,
      output,
      selfExtracting: values["self-extracting"],
      say,
    });
    if (!values["no-packages"]) built.push(...await buildPackages(output, say));
    await Deno.writeTextFile(`${output}/sbom.json`, await softwareBillOfMaterials(ROOT));
    const sums = await Promise.all(
      [...built, "sbom.json"].sort().map(async (name) => {
        const hash = createHash("sha256").update(await Deno.readFile(`${output}/${name}`));
        return `${hash.digest("hex")}  ${name}\n`;
      }),
    );
    await Deno.writeTextFile(`${output}/SHA256SUMS`, sums.join(""));
    say(`written to ${output}`);
    return ExitCode.ok;
  },
};

async function buildPackages(output: string, say: (line: string) => void): Promise<string[]> {
  if (Deno.build.os !== "linux") return [];
  const work = await Deno.makeTempDir();
  try {
    const tree = `${work}/tree`;
    await layOutPackage(ROOT, tree);
    // What is installed is for everybody to read, whatever the umask was.
    await run(["chmod", "-R", "u=rwX,go=rX", tree]);
    const built: string[] = [];
    for (
      const [program, build] of [
        ["dpkg-deb", () => buildDebianPackage(`${ROOT}/cmd/dist/files`, tree, output)],
        ["rpmbuild", () => buildRpmPackage(tree, output)],
      ] as const
    ) {
      if (await isInstalled(program)) built.push(await build());
      else say(`no ${program} here: its package is left out`);
    }
    built.forEach(say);
    return built;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await runTool(DIST, Deno.args));
