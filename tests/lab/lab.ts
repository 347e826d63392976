import { fileURLToPath } from "node:url";
import { Background, run } from "./command.ts";
import { DhtNodeProcess } from "./dhtnode.ts";
import { DncProcess } from "./dnc_process.ts";
import { LAB_FILES, removeAbandoned } from "./nat/abandoned.ts";
import { NetworkNamespace } from "./namespace.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DENO_RUN = [Deno.execPath(), "run", "-A", "--unstable-net"];
/** What a configuration directory holds after `dnc` made an identity there. */
const IDENTITY_FILES = ["ca.crt", "ca.pem", "certificate.crt", "certificate.pem"];

/**
 * A network of its own for one test, with Debian's DHT nodes, ours and `dnc` processes. Every `dnc`
 * has a home directory of its own.
 */
export class Lab implements AsyncDisposable {
  readonly #processes: DncProcess[] = [];
  readonly #nodes: (DhtNodeProcess | Background)[] = [];
  #homes = 0;

  private constructor(
    readonly namespace: NetworkNamespace,
    /** A directory for the test's files, removed at its end. */
    readonly directory: string,
    readonly denoDirectory: string,
  ) {}

  /** Makes the namespace; modules are loaded first, because it has no way to a registry. */
  static async create(): Promise<Lab> {
    await run(Deno.execPath(), "cache", `${ROOT}cmd/dnc.ts`);
    const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
    await removeAbandoned();
    const prefix = `dhtnet-lab-${Deno.pid}-`;
    const directory = await Deno.makeTempDir({ dir: LAB_FILES, prefix });
    return new Lab(await NetworkNamespace.create("lab"), directory, denoDir);
  }

  /** What `dnc` is started with, inside the namespace. */
  dncCommand(...args: string[]): string[] {
    return this.namespace.inside(...DENO_RUN, `${ROOT}cmd/dnc.ts`, ...args, "--interface", "lo");
  }

  /** The environment of one more `dnc`, with a home of its own. */
  async dncEnvironment(): Promise<Record<string, string>> {
    const home = `${this.directory}/home-${this.#homes++}`;
    await Deno.mkdir(`${home}/tmp`, { recursive: true });
    return {
      PATH: Deno.env.get("PATH")!,
      HOME: home,
      TMPDIR: `${home}/tmp`,
      DENO_DIR: this.denoDirectory,
      DHTNET_CONFIG_DIR: `${home}/dhtnet`,
      NO_COLOR: "1",
    };
  }

  /** Starts a `dnc`, restricted to loopback, in an environment of its own unless one is given. */
  async dnc(
    args: readonly string[],
    options: { stdoutFile?: string; env?: Record<string, string> } = {},
  ): Promise<DncProcess> {
    const process = new DncProcess({
      command: this.dncCommand(...args),
      env: options.env ?? await this.dncEnvironment(),
      stdoutFile: options.stdoutFile,
    });
    this.#processes.push(process);
    return process;
  }

  /** Starts one of Debian's DHT nodes. */
  async dhtnode(port: number, bootstrap?: string): Promise<DhtNodeProcess> {
    const node = await DhtNodeProcess.start(this.namespace, port, bootstrap);
    this.#nodes.push(node);
    return node;
  }

  /** Starts one of our DHT nodes, in a process of its own. */
  async ownNode(port: number, bootstrap?: string): Promise<Background> {
    const command = this.namespace.inside(
      ...[...DENO_RUN, `${ROOT}tests/lab/own_node.ts`, String(port)],
      ...(bootstrap === undefined ? [] : [bootstrap]),
    );
    const node = new Background(command);
    this.#nodes.push(node);
    await node.shows(/ready/);
    return node;
  }

  /** Starts another program beside the test, inside the namespace. */
  background(...command: string[]): Background {
    const process = new Background(this.namespace.inside(...command));
    this.#nodes.push(process);
    return process;
  }

  /**
   * Checks that the `dnc` processes, all of which have ended, left nothing: no process, no socket,
   * no file but their identities.
   */
  async nothingLeft(): Promise<void> {
    await this.namespace.holdsOnly(this.#nodes.map(({ pid }) => pid));
    for (let home = 0; home < this.#homes; home++) {
      const files = [...filesBelow(`${this.directory}/home-${home}`)];
      const strange = files.filter((file) =>
        !IDENTITY_FILES.some((name) => file === `/dhtnet/${name}`)
      );
      if (strange.length > 0) throw new Error(`left behind: ${strange.join(", ")}`);
    }
  }

  /** What everybody said, for a test that failed. */
  get log(): string {
    return this.#processes.map(({ log }, index) => `--- dnc ${index}:\n${log}`).join("");
  }

  /** Ends all processes at once, so that whatever waits for them goes on. */
  killAll(): void {
    for (const process of this.#processes) process.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#processes, ...this.#nodes];
    await Promise.all(all.map((process) => process[Symbol.asyncDispose]()));
    await this.namespace[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A test with a lab of its own, which is gone at the test's end or after the time-out. */
export function labTest(
  name: string,
  test: (lab: Lab) => Promise<void>,
  timeoutMs = 30_000,
): void {
  Deno.test(`lab: ${name}`, async () => {
    await using lab = await Lab.create();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`not done after ${timeoutMs / 1000} s`));
      lab.killAll();
    }, timeoutMs);
    const work = test(lab);
    work.catch(() => {});
    try {
      await Promise.race([work, late.promise]);
    } catch (error) {
      console.error(lab.log);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  });
}

function* filesBelow(root: string, path = ""): Generator<string> {
  for (const entry of Deno.readDirSync(root + path)) {
    if (entry.isDirectory) yield* filesBelow(root, `${path}/${entry.name}`);
    else yield `${path}/${entry.name}`;
  }
}
