/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const CLOCK_TICK_MS = 10;

/** A process of a peer that prints one JSON line and then serves until it is stopped. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /** Starts a command; its standard error is shown. */
  constructor(command: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The first line that the process prints, parsed. */
  async answer<T>(timeoutMs = 120_000): Promise<T> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    let text = "";
    try {
      while (!text.includes("\n")) {
        const { value, done } = await this.#lines.read();
        if (done) throw new Error("the peer process ended without an answer");
        text += value;
      }
    } finally {
      clearTimeout(timer);
    }
    return JSON.parse(text.slice(0, text.indexOf("\n"))) as T;
  }

  /** Resident memory now, MiB. */
  residentMB(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Processor time used so far, user and system, ms. */
  cpuMs(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) * CLOCK_TICK_MS;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended already
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Runs a command to its end and gives the wall time until its exit, ms. */
export async function timeCommand(
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`${command[0]} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return performance.now() - start;
}
