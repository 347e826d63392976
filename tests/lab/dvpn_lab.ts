import { Background, eventually, run } from "./command.ts";
import { DHT_PORT, labTestOf, prepareDvpn } from "./dvpn_command.ts";
import { DvpnMachine, SERVER } from "./dvpn_machine.ts";
import { DhtNodeProcess } from "./dhtnode.ts";
import { NetworkNamespace } from "./namespace.ts";

/** Where the two machines meet outside of the network. */
const OUTSIDE = { server: SERVER, client: "10.1.0.2" } as const;

/** Addresses that a client has, as `--status` shows them, without prefixes. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Two machines with a cable between them, a `dvpn` server on one and a client on the other. */
export class DvpnLab implements AsyncDisposable {
  /** Where the machines are outside of the network. */
  readonly outside = OUTSIDE;
  readonly #node: DhtNodeProcess;
  readonly #machines: Record<"server" | "client", DvpnMachine>;
  readonly #started: Background[] = [];

  private constructor(
    /** The server's machine. */
    readonly serverHost: NetworkNamespace,
    /** The client's machine. */
    readonly clientHost: NetworkNamespace,
    /** For the test's files. */
    readonly directory: string,
    node: DhtNodeProcess,
  ) {
    this.#node = node;
    this.#machines = {
      server: new DvpnMachine(serverHost, `${directory}/server`),
      client: new DvpnMachine(clientHost, `${directory}/client`),
    };
  }

  /** Two machines, with nothing running on them but a DHT node. */
  static async create(): Promise<DvpnLab> {
    await prepareDvpn();
    const serverHost = await NetworkNamespace.create("vpn-server");
    const clientHost = await NetworkNamespace.create("vpn-client");
    const ends = [[serverHost, OUTSIDE.server], [clientHost, OUTSIDE.client]] as const;
    const peer = ["peer", "name", "cable", "netns", clientHost.name];
    await run("ip", "link", "add", "cable", "netns", serverHost.name, "type", "veth", ...peer);
    for (const [{ name }, address] of ends) {
      await run("ip", "-n", name, "address", "add", `${address}/24`, "dev", "cable");
      await run("ip", "-n", name, "link", "set", "cable", "addrgenmode", "none");
      await run("ip", "-n", name, "link", "set", "cable", "up");
    }
    const node = await DhtNodeProcess.start(serverHost, DHT_PORT);
    const directory = await Deno.makeTempDir({ prefix: "dhtnet-dvpn-" });
    return new DvpnLab(serverHost, clientHost, directory, node);
  }

  /** Starts a `dvpn`; each side has a configuration directory of its own. */
  start(side: "server" | "client", ...args: string[]): Background {
    const process = this.#machines[side].start(...args);
    this.#started.push(process);
    return process;
  }

  /** A server and a client that are connected. */
  async connect(
    options: { server?: string[]; client?: string[] } = {},
  ): Promise<{ server: Background; client: Background; id: string }> {
    const server = this.start("server", "-l", "-a", ...options.server ?? []);
    const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const client = this.start("client", id, ...options.client ?? []);
    await client.shows(/connected over/);
    return { server, client, id };
  }

  /** What `dvpn --status --json` says on one side. */
  // deno-lint-ignore no-explicit-any
  async status(side: "server" | "client"): Promise<any> {
    return await this.#machines[side].status();
  }

  /** Addresses of one side. */
  async addresses(side: "server" | "client"): Promise<Addresses> {
    const [ipv4, ipv6] = await this.#machines[side].addresses();
    return { ipv4, ipv6 };
  }

  /** What the two machines' networks are: addresses, links, routes and rules. */
  async networks(): Promise<string> {
    const parts: string[] = [];
    for (const host of [this.serverHost, this.clientHost]) {
      for (const what of ["-o address", "route", "-6 route", "rule"]) {
        parts.push(await run(...host.inside("ip", ...what.split(" "))));
      }
    }
    return parts.join("--\n");
  }

  /** Waits until the networks are as they were. */
  async networksAre(before: string): Promise<void> {
    let now = "";
    const same = async () => (now = await this.networks()) === before;
    await eventually("the networks are as before", same, 5_000).catch((error) => {
      throw new Error(`${error.message}:\n${now}\nbefore:\n${before}`);
    });
  }

  /** What everybody said. */
  get log(): string {
    return this.#started.map(({ stderr }) => stderr).join("---\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [...this.#started, this.#node]) await process[Symbol.asyncDispose]();
    await this.clientHost[Symbol.asyncDispose]();
    await this.serverHost[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A test with a lab of its own. */
export function dvpnTest(name: string, test: (lab: DvpnLab) => Promise<void>): void {
  labTestOf(name, () => DvpnLab.create(), test);
}
