import type { Background } from "./command.ts";
import type { SshdPlace } from "./sshd.ts";
import type { Site } from "./nat/site.ts";
import { putTools } from "./tool_commands.ts";

/** Where the machine's own folder is mounted. */
const CONFIGURATION = "/etc/dhtnet";

/** Mounts of one process and its children: `mounts.sh HOME ETC MODULES PLACE COMMAND…`. */
const MOUNTS = `set -e
mkdir -p "$4"; mount --bind "$3" "$4"
mount --bind "$1" /root; mount --bind "$2" ${CONFIGURATION}
shift 4; cd /root; exec "$@"`;

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How long it took, ms. */
  readonly elapsedMs: number;
}

/**
 * A machine on which the tools are installed, and nothing else: an empty home directory, and an
 * empty `/etc/dhtnet`. What runs there sees both in the usual places, because ssh does not ask
 * `$HOME` where home is.
 */
export class FreshMachine implements SshdPlace, AsyncDisposable {
  private constructor(
    readonly site: Site,
    /** Where the machine's files really are. */
    readonly directory: string,
    private readonly modules: string,
    /** Whether the folder to mount over is ours to remove. */
    private readonly madeMountPoint: boolean,
  ) {}

  /** Sets a machine up at a site. */
  static async create(site: Site): Promise<FreshMachine> {
    const directory = `${site.directory}/machine-${site.name}`;
    for (const name of ["home", "etc"]) {
      await Deno.mkdir(`${directory}/${name}`, { recursive: true, mode: 0o755 });
    }
    const made = await Deno.mkdir(CONFIGURATION).then(() => true, () => false);
    await putTools(`${directory}/bin`);
    return new FreshMachine(site, directory, (await site.environment()).DENO_DIR!, made);
  }

  /** Path of a file in the machine's home directory, as the test sees it. */
  home(path: string): string {
    return `${this.directory}/home/${path}`;
  }

  /** Path of a file in the machine's `/etc/dhtnet`, as the test sees it. */
  etc(path: string): string {
    return `${this.directory}/etc/${path}`;
  }

  /** Starts a command there, beside the test. */
  background(...command: string[]): Background {
    return this.site.background(...this.#mounted(command));
  }

  /** Runs a command there to its end. */
  async run(command: readonly string[], input = ""): Promise<CommandResult> {
    const [program, ...args] = this.site.inside(...this.#mounted(command));
    const begin = performance.now();
    const child = new Deno.Command(program!, {
      args,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    // It may end without having read all of it.
    const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
    written.catch(() => {});
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const elapsedMs = performance.now() - begin;
    return { code, stdout: text(stdout), stderr: text(stderr), elapsedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.madeMountPoint) await Deno.remove(CONFIGURATION);
  }

  #mounted(command: readonly string[]): string[] {
    const modules = `${this.directory}/modules`;
    const path = `${this.directory}/bin:${Deno.env.get("PATH")}`;
    const env = ["env", "-i", `PATH=${path}`, "HOME=/root", `DENO_DIR=${modules}`, "NO_COLOR=1"];
    return [
      ...["sh", "-c", MOUNTS, "sh", `${this.directory}/home`, `${this.directory}/etc`],
      ...[this.modules, modules, ...env, ...command],
    ];
  }
}
