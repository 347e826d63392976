import { eventually, run } from "./command.ts";

/**
 * A network namespace of our own: no interface but its loopback, so nothing in it can reach any
 * other network. Needs root.
 */
export class NetworkNamespace implements AsyncDisposable {
  static #count = 0;

  private constructor(readonly name: string) {}

  /** Makes a namespace with its loopback up. */
  static async create(purpose: string): Promise<NetworkNamespace> {
    const name = `dhtnet-${purpose}-${Deno.pid}-${NetworkNamespace.#count++}`;
    await run("ip", "netns", "add", name);
    const namespace = new NetworkNamespace(name);
    try {
      await run("ip", "-n", name, "link", "set", "lo", "up");
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
    return namespace;
  }

  /** The command that runs another command inside; the process is the same, so is its id. */
  inside(...command: string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** Ids of all processes inside, whoever started them. */
  async processes(): Promise<number[]> {
    const pids = await run("ip", "netns", "pids", this.name);
    return pids.split("\n").filter((line) => line !== "").map(Number);
  }

  /** The bound UDP and listening TCP sockets inside, one line of `ss` each, with their processes. */
  async sockets(): Promise<string[]> {
    const lines = await run(...this.inside("ss", "-Htulpn"));
    return lines.split("\n").filter((line) => line !== "");
  }

  /**
   * Waits until no process and no socket is left but those of the given processes.
   *
   * @throws when something is still there after that time, naming it
   */
  async holdsOnly(pids: readonly number[], timeoutMs = 3_000): Promise<void> {
    let left: unknown[] = [];
    const clean = async () => {
      // one after the other: ss runs inside, and would be taken for a process left behind
      const processes = await this.processes();
      const sockets = await this.sockets();
      left = [
        ...processes.filter((pid) => !pids.includes(pid)),
        ...sockets.filter((line) => !pids.includes(Number(/pid=(\d+)/.exec(line)?.[1]))),
      ];
      return left.length === 0;
    };
    await eventually("nothing is left behind", clean, timeoutMs).catch((error) => {
      throw new Error(`${error.message}: ${left.join("\n")}`);
    });
  }

  /** Ends what still runs inside, and removes the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of await this.processes()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // it has ended already
      }
    }
    await run("ip", "netns", "delete", this.name);
  }
}
