import { toolWords } from "./tool_process.ts";

const [PROGRAM, ...WORDS] = toolWords("dsh");
/** A process that has not ended by then hangs. */
const TIMEOUT_MS = 30_000;

/** How a client ended. */
export interface ClientResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `dsh -l` on loopback, and the clients of one device. */
export class DshServer implements AsyncDisposable {
  /** Everything that the server wrote to standard error. */
  log = "";
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;
  readonly #collected: Promise<void>;
  #id = "";
  #clientId = "";

  private constructor(child: Deno.ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    this.#collected = this.#collect();
  }

  /**
   * Starts a server that knows the clients' device.
   *
   * @param args of the server, besides `-l`
   * @param options `stranger`: does not know it; `ignoring`: starts with these signals ignored
   */
  static async start(
    args: readonly string[] = [],
    options: { stranger?: boolean; ignoring?: string } = {},
  ): Promise<DshServer> {
    const directory = await Deno.makeTempDir({ prefix: "dhtnet-test-" });
    const clientId = await idOf(`${directory}/client`);
    const allowed = options.stranger ? [] : ["--allow-peer", clientId];
    const socket = `${directory}/manager`;
    const manager = args.includes("--quiet")
      ? Deno.listenDatagram({ transport: "unixpacket", path: socket })
      : undefined;
    const words = [PROGRAM, ...WORDS, "-l", "--interface", "lo", ...allowed, ...args];
    const ignoring = `trap '' ${options.ignoring ?? ""}; exec "$@"`;
    const [program, ...rest] = options.ignoring === undefined
      ? words
      : ["sh", "-c", ignoring, "sh", ...words];
    const child = new Deno.Command(program!, {
      args: rest,
      env: {
        DHTNET_CONFIG_DIR: `${directory}/server`,
        ...(manager === undefined ? {} : { NOTIFY_SOCKET: socket }),
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const server = new DshServer(child, directory);
    server.#clientId = clientId;
    if (manager !== undefined) {
      // A quiet server tells only whoever manages it.
      await manager.receive();
      manager.close();
      server.#id = await idOf(`${directory}/server`);
    } else server.#id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    return server;
  }

  /** Id of the server. */
  get id(): string {
    return this.#id;
  }

  /** Directory of the clients' identity. */
  get clientDirectory(): string {
    return `${this.#directory}/client`;
  }

  /** Id of the clients. */
  get clientId(): string {
    return this.#clientId;
  }

  /** Process id of the server. */
  get pid(): number {
    return this.#child.pid;
  }

  /** How a client is run. */
  invocation(args: readonly string[], peer = this.#id) {
    return {
      program: PROGRAM,
      args: [...WORDS, "--interface", "lo", peer, ...args],
      env: { DHTNET_CONFIG_DIR: `${this.#directory}/client` },
    };
  }

  /** The command of a client; options come before `--`. */
  command(args: readonly string[], peer = this.#id): Deno.Command {
    const { program, ...invocation } = this.invocation(args, peer);
    return new Deno.Command(program, {
      ...invocation,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  }

  /** Runs a client to its end. */
  async run(
    args: readonly string[],
    input: string | Uint8Array = "",
    peer = this.#id,
  ): Promise<ClientResult> {
    const child = this.command(args, peer).spawn();
    const result = child.output();
    const writer = child.stdin.getWriter();
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    await writer.write(new Uint8Array(bytes)).catch(() => {});
    await writer.close().catch(() => {});
    const { code, stdout, stderr } = await result;
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** Sends the server a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until a pattern shows in the server's log. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (true) {
      const match = pattern.exec(this.log);
      if (match !== null) return match;
      if (performance.now() > deadline) throw new Error(`${pattern} never showed: ${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Sends the server a signal, and waits for its end; its exit code. */
  async stop(signal: Deno.Signal): Promise<number> {
    this.#child.kill(signal);
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    const force = setTimeout(() => this.#child.kill("SIGKILL"), TIMEOUT_MS);
    await this.#child.status;
    clearTimeout(force);
    await this.#collected;
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #collect(): Promise<void> {
    const texts = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const text of texts) this.log += text;
  }
}

/** The id of the device whose configuration is in a directory. */
async function idOf(directory: string): Promise<string> {
  const { stdout } = await new Deno.Command(PROGRAM, {
    args: [...WORDS, "--id"],
    env: { DHTNET_CONFIG_DIR: directory },
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Whether a process is there, and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Waits until a condition holds. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
