import { run } from "./command.ts";
import { CONFIGURATION_FILES } from "./package_files.ts";
import { VERSION } from "./programs.ts";

/** Debian's names of the processors that Deno runs on. */
const ARCHITECTURES: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };

/**
 * Builds a `.deb` from a tree of files.
 *
 * @param scripts folder with the maintainer scripts
 * @param tree folder that stands for `/`
 * @param output folder to write to
 * @returns the file's name
 * @throws {CommandError} when `dpkg-deb` fails or is missing
 */
export async function buildDebianPackage(
  scripts: string,
  tree: string,
  output: string,
): Promise<string> {
  const architecture = ARCHITECTURES[Deno.build.arch]!;
  const size = await run(["du", "-sk", tree]);
  const control = `${tree}/DEBIAN`;
  await Deno.mkdir(control, { mode: 0o755 });
  await Deno.writeTextFile(
    `${control}/control`,
    `Package: dhtnet
Version: ${VERSION}
Architecture: ${architecture}
Maintainer: dhtnet developers <dhtnet@localhost>
Installed-Size: ${parseInt(size)}
Depends: libc6
Recommends: iproute2, nftables
Conflicts: dsh
Section: net
Priority: optional
Description: reach any device by knowing only its public key
 dnc (netcat), dsh (shell), dvpn (VPN) and crtmgr (keys and certificates): peers
 find each other in a distributed hash table, get through NATs, and prove who
 they are by Ed25519 keys and X.509 certificates.
 .
 This dsh is not dancer's shell of the package dsh, with which it conflicts.
`,
  );
  await Deno.writeTextFile(
    `${control}/conffiles`,
    CONFIGURATION_FILES.map((path) => `${path}\n`).join(""),
  );
  for (const script of ["postinst", "prerm", "postrm"]) {
    await Deno.copyFile(`${scripts}/${script}`, `${control}/${script}`);
    await Deno.chmod(`${control}/${script}`, 0o755);
  }
  const name = `dhtnet_${VERSION}_${architecture}.deb`;
  await run([
    "dpkg-deb",
    "--build",
    "--root-owner-group",
    "-Zxz",
    "-z3",
    tree,
    `${output}/${name}`,
  ]);
  await Deno.remove(control, { recursive: true });
  return name;
}
