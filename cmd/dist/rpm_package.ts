import { run } from "./command.ts";
import { CONFIGURATION_FILES } from "./package_files.ts";
import { VERSION } from "./programs.ts";

/**
 * Builds an `.rpm` from a tree of files.
 *
 * @param tree folder that stands for `/`
 * @param output folder to write to
 * @returns the file's name
 * @throws {CommandError} when `rpmbuild` fails or is missing
 */
export async function buildRpmPackage(tree: string, output: string): Promise<string> {
  const work = await Deno.makeTempDir();
  try {
    const files = (await run(["find", tree, "(", "-type", "f", "-o", "-type", "l", ")"]))
      .trim().split("\n").map((path) => path.slice(tree.length)).sort();
    const listed = files.map((path) =>
      CONFIGURATION_FILES.includes(path) ? `%config(noreplace) ${path}` : path
    );
    await Deno.writeTextFile(`${work}/dhtnet.spec`, specification(tree, listed));
    await run([
      "rpmbuild",
      "-bb",
      "--quiet",
      `--define=_topdir ${work}`,
      `--define=_rpmdir ${work}/out`,
      // What is inside is finished: nothing to strip, to compress or to look through.
      "--define=__os_install_post %{nil}",
      "--define=_build_id_links none",
      "--define=debug_package %{nil}",
      "--define=_rpmfilename %{NAME}-%{VERSION}.%{ARCH}.rpm",
      `${work}/dhtnet.spec`,
    ]);
    const name = `dhtnet-${VERSION}.${Deno.build.arch}.rpm`;
    await Deno.copyFile(`${work}/out/${name}`, `${output}/${name}`);
    return name;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function specification(tree: string, files: readonly string[]): string {
  return `Name: dhtnet
Version: ${VERSION}
Release: 1
Summary: Reach any device by knowing only its public key
License: MIT
Group: Applications/Internet
AutoReqProv: no
Conflicts: dsh

%description
dnc (netcat), dsh (shell), dvpn (VPN) and crtmgr (keys and certificates): peers find each other in a
distributed hash table, get through NATs, and prove who they are by Ed25519 keys and X.509
certificates.

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/

%post
getent passwd dhtnet >/dev/null || systemd-sysusers dhtnet.conf || :
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :

%preun
if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then systemctl disable --now dnc.service || :; fi

%postun
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :

%files
${files.join("\n")}
`;
}
