import { Background, eventually } from "./command.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** Debian's `dhtnode`, driven through its command line. Only ever inside a namespace of our own. */
export class DhtNodeProcess implements AsyncDisposable {
  readonly #process: Background;

  private constructor(process: Background, readonly port: number) {
    this.#process = process;
  }

  /** Starts a node on a port of 127.0.0.1 and ::1, joining the network of the given node. */
  static async start(
    namespace: NetworkNamespace,
    port: number,
    bootstrap?: string,
  ): Promise<DhtNodeProcess> {
    const join = bootstrap === undefined ? [] : ["-b", bootstrap];
    const command = namespace.inside("dhtnode", "-p", String(port), ...join);
    const process = new Background(command);
    await process.shows(/OpenDHT node \w+ running/);
    return new DhtNodeProcess(process, port);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Puts a text under a key (40 hex characters) and waits for success. */
  async put(key: string, text: string): Promise<void> {
    const before = this.#process.stdout.length;
    await this.#process.type(`p ${key} ${text}`);
    await this.#waitFor(before, /Put: success/);
  }

  /** What `g` prints for a key, until its operation is complete. */
  async get(key: string): Promise<string> {
    const before = this.#process.stdout.length;
    await this.#process.type(`g ${key}`);
    await this.#waitFor(before, /Get: completed/);
    return this.#process.stdout.slice(before);
  }

  /** Starts listening at a key; what arrives shows in {@linkcode output}. Its token. */
  async listen(key: string): Promise<string> {
    const before = this.#process.stdout.length;
    await this.#process.type(`l ${key}`);
    await this.#waitFor(before, /Listening, token: \d+/);
    return /Listening, token: (\d+)/.exec(this.#process.stdout.slice(before))![1]!;
  }

  /** Ends the listening at a key. */
  async cancelListen(key: string, token: string): Promise<void> {
    await this.#process.type(`cl ${key} ${token}`);
  }

  /** Everything it has printed so far. */
  get output(): string {
    return this.#process.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #waitFor(from: number, pattern: RegExp): Promise<void> {
    await eventually(
      `dhtnode prints ${pattern}`,
      () => pattern.test(this.#process.stdout.slice(from)),
      30_000,
    );
  }
}
