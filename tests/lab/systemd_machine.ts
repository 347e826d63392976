import { Background, eventually, run } from "./command.ts";
import type { DebianRoot } from "./debian_root.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** A machine has to be up within, ms. */
const BOOT_MS = 60_000;
/** A machine that is told to shut down is cut off after, ms. */
const SHUTDOWN_MS = 20_000;

/** What a shell there would have. */
const ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"];

/** A Debian system that systemd has booted, in the network of the lab. */
export class SystemdMachine implements AsyncDisposable {
  readonly #container: Background;
  /** Process id of its init, as the host sees it. */
  readonly #init: number;

  private constructor(container: Background, init: number) {
    this.#container = container;
    this.#init = init;
  }

  /** Boots it and waits until all that starts by itself has started. */
  static async boot(root: DebianRoot, namespace: NetworkNamespace): Promise<SystemdMachine> {
    // All privileges: what a unit gives up is to be the unit's merit, and not the container's.
    const words = ["--boot", "--capability=all", "--console=pipe", "--quiet"];
    const unregistered = ["--register=no", "--keep-unit", `--machine=dhtnet-lab-${Deno.pid}`];
    const container = new Background([
      ...["systemd-nspawn", ...words, ...unregistered, `--directory=${root.directory}`],
      `--network-namespace-path=/run/netns/${namespace.name}`,
    ], { env: { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" } });
    let machine: SystemdMachine | undefined;
    try {
      await eventually("the machine is up", async () => {
        const init = await childOf(container.pid);
        if (init === undefined) return false;
        machine = new SystemdMachine(container, init);
        return /^running/.test(await machine.run("systemctl", "is-system-running").catch(String));
      }, BOOT_MS);
      return machine!;
    } catch (cause) {
      const said = container.stdout + container.stderr;
      await container[Symbol.asyncDispose]();
      throw new Error(`systemd does not boot: ${said}`, { cause });
    }
  }

  /** Runs a command there to its end; throws with its complaint when it fails. */
  run(...words: string[]): Promise<string> {
    const inside = ["nsenter", `--target=${this.#init}`, "--all", "--root", "--wdns=/root", "--"];
    return run(...inside, ...ENVIRONMENT, ...words);
  }

  /** Runs a command of the machine with the file system that one of its services sees. */
  async runAs(service: string, ...words: string[]): Promise<string> {
    const pid = await this.property(service, "MainPID");
    return await this.run("nsenter", `--target=${pid}`, "--mount", "--", ...words);
  }

  /** What systemd says of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run("systemctl", "show", "--property", name, "--value", unit)).trim();
  }

  /** What the unit's own processes have written, a line each. */
  async journal(unit: string): Promise<string[]> {
    const words = ["journalctl", "--unit", unit, "--output=cat", "--no-pager"];
    // Not what systemd says of the unit.
    const lines = await this.run(...words, "_TRANSPORT=stdout");
    return lines.split("\n").filter((line) => line !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#container.kill("SIGTERM");
    const late = setTimeout(() => Deno.kill(this.#init, "SIGKILL"), SHUTDOWN_MS);
    await this.#container.status;
    clearTimeout(late);
    await this.#container[Symbol.asyncDispose]();
  }
}

/** The first child of a process. */
async function childOf(pid: number): Promise<number | undefined> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const first = children.trim().split(" ")[0]!;
  return first === "" ? undefined : Number(first);
}
