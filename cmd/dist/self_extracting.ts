import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { bundle, ENTRY_FILE } from "./bundle.ts";
import { run } from "./command.ts";
import { renderLauncher } from "./launcher.ts";
import { BUNDLE_FLAGS, type Program, VERSION } from "./programs.ts";

/** Hexadecimal digits of a SHA-256 that name a part in the cache. */
const HASH_DIGITS = 32;

/** Deno itself, packed once for all programs. */
export interface Runtime {
  /** The executable, gzip. */
  readonly packed: Uint8Array;
  /** Start of the SHA-256 of the executable. */
  readonly hash: string;
}

/** Packs the Deno that runs this process. */
export async function packRuntime(): Promise<Runtime> {
  const executable = await Deno.readFile(Deno.execPath());
  return { packed: gzipSync(executable, { level: 9 }), hash: hashOf(executable) };
}

/**
 * Writes a program as one file that needs neither Deno nor Node: a script for any POSIX shell, and
 * behind it the runtime and the bundled program. See `launcher.sh` for what happens at its start.
 *
 * @param root folder of the project
 * @param path of the file to write
 * @param platform for its first comment, for example `linux-x64`
 * @throws {CommandError} when the program cannot be bundled
 */
export async function writeSelfExtracting(
  program: Program,
  { runtime, root, path, platform }: {
    readonly runtime: Runtime;
    readonly root: string;
    readonly path: string;
    readonly platform: string;
  },
): Promise<void> {
  const archive = await archiveOf(program, root);
  const packed = gzipSync(archive, { level: 9 });
  const header = (length: number) =>
    renderLauncher("launcher.sh", {
      NAME: program.name,
      VERSION,
      PLATFORM: platform,
      ENTRY: ENTRY_FILE,
      FLAGS: [...BUNDLE_FLAGS, ...program.permissions].join(" "),
      RUNTIME_HASH: runtime.hash,
      RUNTIME_OFFSET: padded(length + 1),
      RUNTIME_LENGTH: padded(runtime.packed.length),
      PROGRAM_HASH: hashOf(archive),
      PROGRAM_OFFSET: padded(length + runtime.packed.length + 1),
      PROGRAM_LENGTH: padded(packed.length),
    });
  // Numbers have a fixed width, so the header's length does not depend on its content.
  const encoder = new TextEncoder();
  const { length } = encoder.encode(await header(0));
  // The last line of the script is an exec: the shell never reads what comes behind it.
  const script = encoder.encode(await header(length));
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o755 });
  for (const part of [script, runtime.packed, packed]) {
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
  }
}

/** The bundled program as a tar archive that is the same for the same sources. */
async function archiveOf(program: Program, root: string): Promise<Uint8Array> {
  const directory = await Deno.makeTempDir();
  try {
    const archive = `${directory}/program.tar`;
    await bundle(program, root, `${directory}/program`);
    const reproducible = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    await run(["tar", ...reproducible, "-cf", archive, "-C", `${directory}/program`, "."]);
    return await Deno.readFile(archive);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function padded(count: number): string {
  return String(count).padStart(10, "0");
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, HASH_DIGITS);
}
