import { eventually } from "./command.ts";

/** The end of a process. */
export interface Exit {
  /** Exit code, 128 + number where a signal ended it. */
  readonly code: number;
  /** How long it took to end since the wait began, ms. */
  readonly afterMs: number;
}

/** How a {@linkcode DncProcess} is started. */
export interface DncStart {
  /** The whole command line. */
  readonly command: readonly string[];
  /** All that it gets to see of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where standard output goes instead of {@linkcode DncProcess.stdout}. */
  readonly stdoutFile?: string | undefined;
}

/** A `dnc` in a process of its own; its streams are piped, what it says on stderr is kept. */
export class DncProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #collected: Promise<void>;
  #output: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** Everything that it wrote to standard error so far. */
  log = "";

  constructor({ command, env, stdoutFile }: DncStart) {
    const whole = stdoutFile === undefined
      ? command
      : ["sh", "-c", `exec "$@" > ${stdoutFile}`, "sh", ...command];
    this.#child = new Deno.Command(whole[0]!, {
      args: whole.slice(1),
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = this.#child.stdout;
    this.#collected = this.#collect();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stdin(): WritableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdin;
  }

  /** Its standard output; the caller reads all of it, or cancels it. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const output = this.#output!;
    this.#output = undefined;
    return output;
  }

  /** Writes to its standard input, and leaves it open. */
  async write(content: string): Promise<void> {
    const writer = this.stdin.getWriter();
    await writer.write(new TextEncoder().encode(content));
    writer.releaseLock();
  }

  /** Everything that it writes to standard output until its end; standard input is closed first. */
  async finish(input = ""): Promise<string> {
    const output = new Response(this.stdout).text();
    await this.write(input);
    await this.stdin.close();
    return await output;
  }

  /** Waits until it listens; its id. */
  async listening(): Promise<string> {
    return (await this.shows(/listening, id ([0-9a-f]{64})/))[1]!;
  }

  /** Waits until a pattern shows on standard error. */
  async shows(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    const found = () => (match = pattern.exec(this.log)) !== null;
    await eventually(`${pattern} shows on standard error`, found, timeoutMs);
    return match!;
  }

  /** Waits until it has ended by itself, and all that it said is there. */
  async exit(timeoutMs = 20_000): Promise<Exit> {
    const begin = performance.now();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`dnc still runs after ${timeoutMs} ms; it said: ${this.log}`)),
      timeoutMs,
    );
    try {
      const { code } = await Promise.race([this.#child.status, late.promise]);
      const afterMs = performance.now() - begin;
      await this.#collected;
      return { code, afterMs };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends it a signal; no matter if it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#child.status;
    await this.#output?.cancel();
    await this.#child.stdin.abort().catch(() => {});
    await this.#collected;
  }

  async #collect(): Promise<void> {
    const texts = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const text of texts) this.log += text;
  }
}
