import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Background, run } from "./command.ts";
import { bundle, ENTRY_FILE } from "../../cmd/dist/bundle.ts";
import { PROGRAMS } from "../../cmd/dist/programs.ts";
import { loadedWith, modulesOfNode } from "../support/module_graph.ts";
import { builtFiles } from "./built.ts";
import { DebianRoot } from "./debian_root.ts";
import { labTest } from "./lab.ts";
import { readmeLine } from "./readme_commands.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOOLS = ["dnc", "dsh", "dvpn", "crtmgr"];

/** Runs a command and gives how it ended, whatever that was. */
async function outcome(
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    env,
    stdin: "null",
  }).output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("dist: the command line tests pass with the single files in place of the sources", async () => {
  const tools = `${await builtFiles()}/tools`;
  const { code, said } = await outcome(
    [Deno.execPath(), "test", "-A", "--quiet", "--parallel", `${ROOT}tests/cli`],
    { DHTNET_TOOLS: tools },
  );
  assert.equal(code, 0, said);
});

Deno.test("dist: what is bundled says its version without loading Node's modules", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const program of PROGRAMS) {
      await bundle(program, ROOT, `${directory}/${program.name}`);
      const loaded = await loadedWith(`${directory}/${program.name}/${ENTRY_FILE}`);
      assert.deepEqual(modulesOfNode(loaded), [], program.name);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dist: what a scope holds is let go of at its end, bundled too", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${directory}/held.ts`,
      `class Held { value = 1; [Symbol.dispose]() { console.log("let go"); } }
       function value() { using held = new Held(); return held.value; }
       console.log(value());`,
    );
    const program = { ...PROGRAMS[0]!, name: "held", entry: "held.ts" };
    await bundle(program, directory, `${directory}/out`);
    assert.equal(
      await run(Deno.execPath(), "run", `${directory}/out/${ENTRY_FILE}`),
      "let go\n1\n",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dist: checksums and bill of materials are those of what was built", async () => {
  const directory = await builtFiles();
  await run("sh", "-c", `cd ${directory} && sha256sum --check --strict SHA256SUMS`);
  const sbom = JSON.parse(await Deno.readTextFile(`${directory}/sbom.json`));
  assert.equal(sbom.bomFormat, "CycloneDX");
  assert.ok(sbom.components.some(({ name }: { name: string }) => name === "pkijs"));
});

Deno.test("dist: manual pages and completions are sound for who reads them", async () => {
  const tree = await Deno.makeTempDir();
  try {
    await run("sh", "-c", `dpkg-deb -x ${await builtFiles()}/*.deb ${tree}`);
    for (const tool of TOOLS) {
      const page = `${tree}/usr/share/man/man1/${tool}.1.gz`;
      const warnings = await outcome([
        "sh",
        "-c",
        `zcat ${page} | groff -K utf8 -man -Tutf8 -ww >/dev/null`,
      ]);
      assert.deepEqual(warnings, { code: 0, said: "" });
      await run("bash", "-n", `${tree}/usr/share/bash-completion/completions/${tool}`);
      await run("zsh", "-n", `${tree}/usr/share/zsh/vendor-completions/_${tool}`);
      await run("fish", "--no-execute", `${tree}/usr/share/fish/vendor_completions.d/${tool}.fish`);
    }
    const completed = await run(
      "bash",
      "-c",
      `source ${tree}/usr/share/bash-completion/completions/dnc
       COMP_WORDS=(dnc --netch) COMP_CWORD=1; _dhtnet_dnc; echo "\${COMPREPLY[@]}"`,
    );
    assert.equal(completed.trim(), "--netcheck");
    const fish = `${tree}/usr/share/fish/vendor_completions.d/dnc.fish`;
    const words = await run(
      "fish",
      "--no-config",
      "-c",
      `source ${fish}; complete -C "dnc --netch"`,
    );
    assert.match(words, /^--netcheck\t/);
    const zsh = `fpath=(${tree}/usr/share/zsh/vendor-completions $fpath)
      autoload -Uz compinit && compinit -D -u && autoload +X _dnc && print $_comps[dnc]`;
    assert.equal((await run("zsh", "-f", "-c", zsh)).trim(), "_dnc");
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
});

Deno.test("dist: a single file unpacks once, also when many start at first, and refuses what is not its own", async () => {
  const tools = `${await builtFiles()}/tools`;
  const home = await Deno.makeTempDir();
  try {
    const start = (env: Record<string, string>, ...args: string[]) =>
      outcome([`${tools}/crtmgr`, ...args], { HOME: home, TMPDIR: home, ...env });
    const cache = `${home}/.cache/dhtnet`;
    const first = await Promise.all(Array.from({ length: 6 }, () => start({}, "--version")));
    for (const { code, said } of first) {
      assert.deepEqual({ code, said: said.split(" ")[0] }, { code: 0, said: "crtmgr" });
    }
    const kept = (await run("find", cache, "-name", "unpack.*")).trim();
    assert.equal(kept, "", "work of the first starts is left behind");
    assert.equal((await start({}, "--nonsense")).code, 2, "exit codes pass");

    // What others can write to is no cache, and nothing in it is run.
    await Deno.chmod(cache, 0o777);
    await run(
      "sh",
      "-c",
      `for f in ${cache}/deno-*; do printf '#!/bin/sh\\necho hijacked' > $f; done`,
    );
    assert.match((await start({}, "--version")).said, /^crtmgr \d/);
    const everywhere = { XDG_CACHE_HOME: `${home}/.cache`, TMPDIR: `${home}/none` };
    const refused = await start(everywhere, "--version");
    assert.equal(refused.code, 1);
    assert.match(refused.said, /cannot use .* as cache/);

    // A download that broke says so, and leaves nothing.
    const whole = await Deno.readFile(await Deno.realPath(`${tools}/crtmgr`));
    whole[whole.length >> 1]! ^= 1;
    await Deno.writeFile(`${home}/broken`, whole, { mode: 0o755 });
    await Deno.mkdir(`${home}/other`);
    const broken = await outcome([`${home}/broken`, "--version"], { HOME: `${home}/other` });
    assert.equal(broken.code, 1);
    assert.match(broken.said, /damaged|cannot unpack/);
    assert.equal(await run("find", `${home}/other`, "-type", "f"), "");
  } finally {
    await run("rm", "-rf", home);
  }
});

Deno.test("dist: a runtime of one's own has to be one; none is made up for it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const dist = (runtime: string) =>
      outcome([
        ...[Deno.execPath(), "run", "-A", "--quiet", `${ROOT}cmd/dist.ts`],
        ...["-o", directory, "--no-packages"],
      ], { DENORT_BIN: runtime });
    const notOne = /^dist: .*does not say "dnc .*DENORT_BIN has to be the denort of Deno 2/;
    const cases: [runtime: string, complaint: RegExp][] = [
      [`${directory}/none`, /^dist: Could not find denort at '.*none': No such file/],
      [import.meta.filename!, /^dist: .*Not an ELF file/],
      // Executables, but no runtimes: Deno starts, and does not look for what it carries.
      [await Deno.realPath("/bin/true"), notOne],
      [await Deno.realPath(Deno.execPath()), notOne],
    ];
    for (const [runtime, complaint] of cases) {
      const { code, said } = await dist(runtime);
      assert.equal(code, 1, said);
      assert.match(said, complaint);
      assert.equal(said.trim().split("\n").length, 1, said);
      assert.deepEqual([...Deno.readDirSync(directory)], []);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dist: without network and runtime it says so, and builds self-extracting files", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // What this machine has loaded, but the runtimes.
    const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
    await Deno.mkdir(`${directory}/cache/dl`, { recursive: true });
    for (const name of ["npm", "gen", ...await esbuilds(denoDir)]) {
      await Deno.symlink(`${denoDir}/${name}`, `${directory}/cache/${name}`);
    }
    const { code, said } = await outcome([
      ...["unshare", "--net", Deno.execPath(), "run", "-A", "--quiet", `${ROOT}cmd/dist.ts`],
      ...["-o", `${directory}/out`, "--no-packages"],
    ], { DENO_DIR: `${directory}/cache` });
    assert.equal(code, 0, said);
    assert.match(said, /deno compile cannot be used here: .*denort-/);
    assert.match(said, /building self-extracting files for this platform/);
    await run("sh", "-c", `cd ${directory}/out && sha256sum --check --strict SHA256SUMS`);
    assert.match(
      await run("sh", "-c", `XDG_CACHE_HOME=${directory}/x ${directory}/out/crtmgr-* -V`),
      /^crtmgr \d/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** The bundlers that Deno has in its cache. */
async function esbuilds(denoDirectory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${denoDirectory}/dl`)) {
    if (name.startsWith("esbuild")) names.push(`dl/${name}`);
  }
  return names;
}

labTest(
  "dist: on a Debian without Deno and Node: single files; the package in, set up, used, upgraded, purged",
  async (lab) => {
    const files = await builtFiles();
    await using root = await DebianRoot.create(lab.namespace);
    await Deno.mkdir(`${root.directory}/packages`);
    await run(
      "sh",
      "-c",
      `cp -L ${files}/tools/* ${files}/dnc-* ${files}/*.deb ${root.directory}/packages/`,
    );

    // The single files, as somebody has downloaded them.
    for (const tool of TOOLS) {
      assert.match(await root.run(`/packages/${tool}`, "--version"), new RegExp(`^${tool} \\d`));
    }
    await root.run("/packages/crtmgr", "--setup", "-o", "/root/keys");
    await root.run("rm", "-rf", "/root/keys", "/root/.cache");

    // In a folder with dist/, as root: there is no sudo, and no network for recommended packages.
    const typed = async (line: string) => {
      const here = Deno.build.arch === "aarch64"
        ? line.replace("x64", "arm64").replace("amd64", "arm64")
        : line;
      return await root.run("sh", "-ec", `sudo() { "$@"; }; cd /packages; ${here}`);
    };
    await Deno.symlink(".", `${root.directory}/packages/dist`);
    await typed(await readmeLine("sudo install dist/dnc-linux-x64 /usr/local/bin/dnc"));
    assert.match(await root.run("/usr/local/bin/dnc", "--version"), /^dnc \d/);
    await root.run("rm", "-rf", "/usr/local/bin/dnc", "/root/.cache");

    const before = await root.paths();
    const apt = 'APT::Install-Recommends "no"; APT::Get::Assume-Yes "yes";\n';
    await Deno.writeTextFile(`${root.directory}/etc/apt/apt.conf.d/unattended`, apt);
    const said = await typed(await readmeLine("sudo apt install ./dist/dhtnet_0.1.0_amd64.deb"));
    assert.match(said, /nothing listens yet/);
    await Deno.remove(`${root.directory}/etc/apt/apt.conf.d/unattended`);
    const package_ = (await root.run("sh", "-c", "ls /packages/*.deb")).trim();
    assert.match(await root.run("getent", "passwd", "dhtnet"), /nologin/);
    assert.match(await root.run("dhtnet-crtmgr", "--version"), /^crtmgr /);

    // Set up, listen with the shipped configuration, and be called.
    await root.run("crtmgr", "--setup", "-o", "/etc/dhtnet");
    await using server = new Background(
      root.command(
        "env",
        "HOME=/root",
        "dnc",
        "-l",
        "-d",
        "/etc/dhtnet/dnc.yaml",
        "--interface",
        "lo",
      ),
    );
    const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const called = await outcome(
      root.command("env", "HOME=/root", "dnc", id, "-P", "22", "--interface", "lo"),
    );
    assert.match(called.said, /connection refused by target 127\.0\.0\.1:22/);
    assert.equal(called.code, 1);

    // A newer package keeps what the administrator wrote.
    await root.run("sh", "-c", "echo '# mine' >> /etc/dhtnet/dnc.yaml");
    await root.run(
      "sh",
      "-c",
      `mkdir /packages/new && dpkg-deb -R ${package_} /packages/new &&
    sed -i 's/^Version: .*/Version: 999.0.0/' /packages/new/DEBIAN/control &&
    dpkg-deb -Znone -b /packages/new /packages/new.deb && dpkg -i /packages/new.deb`,
    );
    assert.match(await root.run("dpkg-query", "-W", "dhtnet"), /999\.0\.0/);
    assert.match(await root.run("cat", "/etc/dhtnet/dnc.yaml"), /# mine/);

    await server[Symbol.asyncDispose]();
    await root.run("dpkg", "--purge", "dhtnet");
    assert.deepEqual(await root.paths(), before);
    await assert.rejects(root.run("getent", "passwd", "dhtnet"));
  },
  300_000,
);

Deno.test("dist: the rpm has upstream's layout, installs into an empty root, and leaves nothing", async () => {
  const root = await Deno.makeTempDir();
  try {
    const file = (await run("sh", "-c", `ls ${await builtFiles()}/*.rpm`)).trim();
    const rpm = (...args: string[]) => run("rpm", "--root", root, ...args);
    await rpm("--initdb");
    await rpm("-i", "--nodeps", "--noscripts", "--ignorearch", file);
    const installed = await rpm("-ql", "dhtnet");
    for (
      const path of [
        "/usr/bin/dnc",
        "/usr/bin/dsh",
        "/usr/bin/dvpn",
        "/usr/bin/dhtnet-crtmgr",
        "/etc/dhtnet/dnc.yaml",
        "/usr/lib/systemd/system/dnc.service",
        "/usr/share/man/man1/dnc.1.gz",
      ]
    ) assert.ok(installed.includes(`${path}\n`), path);
    assert.match(await rpm("-qc", "dhtnet"), /^\/etc\/dhtnet\/dnc\.yaml\n$/);
    await rpm("-e", "--noscripts", "dhtnet");
    const left = await run("find", root, "-name", "*rpm*", "-prune", "-o", "-type", "f", "-print");
    assert.equal(left, "");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
