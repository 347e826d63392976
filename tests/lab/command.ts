/** Runs a command to its end and gives its standard output; throws with its complaint otherwise. */
export async function run(...command: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command.join(" ")}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** Waits, with a bound, until the condition holds. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A process that runs beside the test; its output is kept and can be waited for. */
export class Background implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #collected: Promise<void>[];
  /** All that it has written on standard output so far. */
  stdout = "";
  /** All that it has written on standard error so far. */
  stderr = "";

  constructor(command: readonly string[], options: { env?: Record<string, string> } = {}) {
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: options.env ?? {},
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#collected = [
      this.#collect(this.#child.stdout, (text) => this.stdout += text),
      this.#collect(this.#child.stderr, (text) => this.stderr += text),
    ];
  }

  get pid(): number {
    return this.#child.pid;
  }

  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Writes a line to its standard input. */
  async type(line: string): Promise<void> {
    await this.#stdin?.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits until the pattern shows on standard output or error. */
  async shows(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    await eventually(`${pattern} shows in:\n${this.stdout}${this.stderr}`, () => {
      match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      return match !== null;
    }, timeoutMs).catch((cause) => {
      throw new Error(`${cause.message}\nnow: ${this.stdout}${this.stderr}`);
    });
    return match!;
  }

  /** Sends a signal; harmless when the process has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#stdin?.close().catch(() => {});
    await this.#child.status;
    await Promise.all(this.#collected);
  }

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) add(text);
  }
}
