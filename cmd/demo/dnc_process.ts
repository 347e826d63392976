import { fileURLToPath } from "node:url";

/** How long a process may take to end after SIGTERM, ms. */
const TERMINATE_TIMEOUT_MS = 5_000;

/** A `dnc` in a process of its own, with an identity of its own. */
export class DncProcess implements AsyncDisposable {
  /** Which one it is, for people. */
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;
  readonly #lines = new TransformStream<string, string>();
  #log = "";

  private constructor(name: string, child: Deno.ChildProcess, directory: string) {
    this.name = name;
    this.#child = child;
    this.#directory = directory;
  }

  /** Starts `dnc` from its source with a fresh configuration directory. */
  static async start(name: string, args: readonly string[]): Promise<DncProcess> {
    const directory = await Deno.makeTempDir({ prefix: "dhtnet-demo-" });
    const entry = fileURLToPath(new URL("../dnc.ts", import.meta.url));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-net", entry, ...args],
      env: { DHTNET_CONFIG_DIR: directory },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const process = new DncProcess(name, child, directory);
    process.#collect().catch(() => {});
    return process;
  }

  /** Everything that it wrote to standard error. */
  get log(): string {
    return this.#log;
  }

  get stdin(): WritableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdin;
  }

  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdout;
  }

  /** Waits until it listens; its id. */
  async listening(): Promise<string> {
    return await this.#waitFor(/listening, id ([0-9a-f]{64})/);
  }

  /** Waits until it is connected; the path. */
  async connected(): Promise<string> {
    return await this.#waitFor(/connected to [0-9a-f]{64} over (.*)/);
  }

  /** Waits until standard error holds a text, and one more line; all of it so far. */
  async logUntil(text: string): Promise<string> {
    while (!/\n/.test(this.#log.split(text)[1] ?? "")) await this.#waitFor(/(.*)/);
    return this.#log;
  }

  /** Waits until it has ended by itself. */
  async exitCode(): Promise<number> {
    return (await this.#child.status).code;
  }

  /** Sends it a signal; no matter if it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
  }

  /** Ends it if need be, and removes its identity. */
  async [Symbol.asyncDispose](): Promise<void> {
    const force = setTimeout(() => this.kill("SIGKILL"), TERMINATE_TIMEOUT_MS);
    this.kill("SIGTERM");
    await this.#child.status;
    clearTimeout(force);
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #collect(): Promise<void> {
    const lines = this.#lines.writable.getWriter();
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log += text;
      const complete = (rest + text).split("\n");
      rest = complete.pop()!;
      for (const line of complete) lines.write(line).catch(() => {});
    }
    await lines.close();
  }

  async #waitFor(pattern: RegExp): Promise<string> {
    const reader = this.#lines.readable.getReader();
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`the ${this.name} ended early`);
        const found = pattern.exec(value)?.[1];
        if (found !== undefined) return found;
      }
    } finally {
      reader.releaseLock();
    }
  }
}
