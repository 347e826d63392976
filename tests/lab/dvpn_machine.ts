import { Background, run } from "./command.ts";
import { DVPN, environmentOf, networkOf, outputOf } from "./dvpn_command.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** Where the server of a lab is, which runs the DHT's node, too. */
export const SERVER = "10.1.0.1";

/** A `dvpn` on a machine of its own. */
export class DvpnMachine {
  /** The process that was started last. */
  process: Background | undefined;

  /** Its configuration directory. */
  readonly directory: string;
  readonly #files: string;

  /** @param files directory for all of its files */
  constructor(
    /** The machine. */
    readonly host: NetworkNamespace,
    files: string,
  ) {
    this.directory = environmentOf(files).DHTNET_CONFIG_DIR!;
    this.#files = files;
  }

  /** Starts `dvpn`. */
  start(...args: string[]): Background {
    const command = [...DVPN, ...args, ...networkOf(SERVER)];
    this.process = new Background(this.host.inside(...command), {
      env: environmentOf(this.#files),
    });
    return this.process;
  }

  /** What `dvpn` says, run to its end. */
  async says(...args: string[]): Promise<string> {
    return await outputOf(this.#files, ...args);
  }

  // deno-lint-ignore no-explicit-any
  async status(): Promise<any> {
    return JSON.parse(await this.says("--status", "--json"));
  }

  /** Its addresses in the VPN, IPv4 first, without prefixes. */
  async addresses(): Promise<[string, string]> {
    return (await this.status()).addresses.map((text: string) => text.split("/")[0]);
  }

  /** Runs a command on the machine. */
  async run(...command: string[]): Promise<string> {
    return await run(...this.host.inside(...command));
  }
}
