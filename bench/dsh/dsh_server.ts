import { fileURLToPath } from "node:url";

const DSH = [
  ...[Deno.execPath(), "run", "-A", "--unstable-net"],
  fileURLToPath(new URL("../../cmd/dsh.ts", import.meta.url)),
];

/** A `dsh -l` on loopback for one device, which is us. */
export class DshServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: ReadableStreamDefaultReader<string>;
  readonly #client: readonly string[];

  private constructor(
    child: Deno.ChildProcess,
    log: ReadableStreamDefaultReader<string>,
    client: readonly string[],
  ) {
    this.#child = child;
    this.#log = log;
    this.#client = client;
  }

  /** Starts it with identities in a directory. */
  static async start(directory: string, more: readonly string[] = []): Promise<DshServer> {
    const client = ["env", `DHTNET_CONFIG_DIR=${directory}/dsh-client`, ...DSH];
    const { stdout } = await new Deno.Command("env", {
      args: [...client.slice(1), "--id"],
    }).output();
    const clientId = new TextDecoder().decode(stdout).trim();
    const child = new Deno.Command(DSH[0]!, {
      args: [...DSH.slice(1), "-l", "--allow-peer", clientId, "--interface", "lo", ...more],
      env: { DHTNET_CONFIG_DIR: `${directory}/dsh-server` },
      stdin: "null",
      stderr: "piped",
    }).spawn();
    const log = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let shown = "";
    let id: string | undefined;
    while (id === undefined) {
      const { value, done } = await log.read();
      if (done) throw new Error(`dsh -l has ended: ${shown}`);
      shown += value;
      id = /listening, id ([0-9a-f]{64})/.exec(shown)?.[1];
    }
    const draining = async () => {
      while (!(await log.read()).done);
    };
    draining();
    return new DshServer(child, log, [...client, id, "--interface", "lo"]);
  }

  /** Process id of the server. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What runs a command there. */
  command(line: string): string[] {
    return [...this.#client, "--no-tty", "--", line];
  }

  /** What runs a command there at a terminal, and says "ready" before. */
  terminalCommand(line: string): string[] {
    return [...this.#client, "--tty", "--", `echo ready; ${line}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await this.#log.cancel();
  }
}
