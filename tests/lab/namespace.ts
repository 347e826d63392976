import { run } from "./command.ts";

/**
 * A network namespace of our own: no interface but its loopback, so nothing in it can reach any
 * other network. Needs root.
 */
export class NetworkNamespace implements AsyncDisposable {
  private constructor(readonly name: string) {}

  /** Makes a namespace with its loopback up. */
  static async create(purpose: string): Promise<NetworkNamespace> {
    const name = `dhtnet-${purpose}-${Deno.pid}`;
    await run("ip", "netns", "add", name);
    await run("ip", "-n", name, "link", "set", "lo", "up");
    return new NetworkNamespace(name);
  }

  /** The command that runs another command inside. */
  inside(...command: string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("ip", "netns", "delete", this.name);
  }
}
