import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { renderCompletion } from "../tool/completion.ts";
import { renderManualPage } from "../tool/manual_page.ts";
import { bundle, ENTRY_FILE } from "./bundle.ts";
import { renderLauncher } from "./launcher.ts";
import { BUNDLE_FLAGS, type Program, PROGRAMS, VERSION } from "./programs.ts";
import { softwareBillOfMaterials } from "./sbom.ts";
import { shippedConfiguration } from "./shipped_configuration.ts";

/** Where the runtime and the programs are installed. */
const LIBRARY = "/usr/lib/dhtnet";
/** Hexadecimal digits of a SHA-256 that tell a program from its other versions. */
const HASH_DIGITS = 16;
/** Files that belong to the administrator once they are installed. */
export const CONFIGURATION_FILES: readonly string[] = ["/etc/dhtnet/dnc.yaml"];

/**
 * Lays out what a package installs, with upstream's places: the tools in `/usr/bin`, one runtime for
 * all of them, `/etc/dhtnet/dnc.yaml`, the service, manual pages and completions.
 *
 * @param root folder of the project
 * @param directory that stands for `/`; made if need be
 * @throws {CommandError} when a program cannot be bundled
 */
export async function layOutPackage(root: string, directory: string): Promise<void> {
  const put = async (path: string, content: string | Uint8Array, mode = 0o644) => {
    const target = `${directory}${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true, mode: 0o755 });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(target, bytes, { mode });
  };
  const copy = async (from: string, to: string) => put(to, await Deno.readFile(`${root}/${from}`));

  await put(`${LIBRARY}/deno`, await Deno.readFile(Deno.execPath()), 0o755);
  for (const program of PROGRAMS) {
    const { name } = program;
    await bundle(program, root, `${directory}${LIBRARY}/${name}`);
    const hash = await hashOf(`${directory}${LIBRARY}/${name}`);
    await put(`/usr/bin/${name}`, await launcherOf(program, hash), 0o755);
    const help = await program.help();
    const manual = new TextEncoder().encode(renderManualPage(help, VERSION));
    await put(`/usr/share/man/man1/${name}.1.gz`, gzipSync(manual, { level: 9 }));
    await put(
      `/usr/share/bash-completion/completions/${name}`,
      renderCompletion("bash", help),
    );
    await put(`/usr/share/zsh/vendor-completions/_${name}`, renderCompletion("zsh", help));
    await put(
      `/usr/share/fish/vendor_completions.d/${name}.fish`,
      renderCompletion("fish", help),
    );
  }
  // Upstream's name for crtmgr.
  await Deno.symlink("crtmgr", `${directory}/usr/bin/dhtnet-crtmgr`);
  await put("/etc/dhtnet/dnc.yaml", shippedConfiguration());
  await copy("cmd/dnc/dnc.service", "/usr/lib/systemd/system/dnc.service");
  await copy("cmd/dist/files/90-dhtnet.preset", "/usr/lib/systemd/system-preset/90-dhtnet.preset");
  await copy("cmd/dist/files/dhtnet.sysusers", "/usr/lib/sysusers.d/dhtnet.conf");
  await copy("README.md", "/usr/share/doc/dhtnet/README.md");
  await copy("LICENSE", "/usr/share/doc/dhtnet/copyright");
  await put("/usr/share/doc/dhtnet/sbom.json", await softwareBillOfMaterials(root));
}

/** Start of the SHA-256 of a folder's files. */
async function hashOf(directory: string): Promise<string> {
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(await Deno.readFile(`${directory}/${name}`));
  return hash.digest("hex").slice(0, HASH_DIGITS);
}

/** The command in `/usr/bin`: compiled code is kept in the user's cache. */
function launcherOf({ name, permissions }: Program, hash: string): Promise<string> {
  return renderLauncher("package_launcher.sh", {
    NAME: name,
    HASH: hash,
    LIBRARY,
    ENTRY: ENTRY_FILE,
    FLAGS: [...BUNDLE_FLAGS, ...permissions].join(" "),
  });
}
