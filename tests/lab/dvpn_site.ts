import { run } from "./command.ts";
import { DHT_PORT, labTestOf, prepareDvpn } from "./dvpn_command.ts";
import { DvpnMachine, SERVER } from "./dvpn_machine.ts";
import { DhtNodeProcess } from "./dhtnode.ts";
import { NetworkNamespace } from "./namespace.ts";

/**
 * A server, which runs the DHT's node, too, and clients, each at a cable of its own: on one Ethernet,
 * a hundred of them would fill the kernel's neighbour table, which all namespaces share.
 *
 * ```
 *             ┌──────── client  10.1.1.0
 *   server ───┴──────── client  10.1.1.1 …
 *   10.1.0.1, forwards
 * ```
 */
export class DvpnSite implements AsyncDisposable {
  readonly #belongings = new AsyncDisposableStack();
  readonly clients: DvpnMachine[] = [];
  server!: DvpnMachine;
  #directory = "";

  /** @param clients how many, 250 at most */
  static async create(clients: number): Promise<DvpnSite> {
    await prepareDvpn();
    const site = new DvpnSite();
    try {
      await site.#build(clients);
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  async #build(clients: number): Promise<void> {
    this.#directory = await Deno.makeTempDir({ prefix: "dhtnet-dvpn-" });
    this.#belongings.defer(() => Deno.remove(this.#directory, { recursive: true }));
    this.server = await this.#machine("server");
    const ip = (...args: string[]) => run("ip", "-n", this.server.host.name, ...args);
    await this.server.run("sysctl", "-q", "net.ipv4.ip_forward=1");
    await ip("link", "add", "lan", "type", "bridge");
    await ip("address", "add", `${SERVER}/32`, "dev", "lan");
    await ip("link", "set", "lan", "up");
    for (let index = 0; index < clients; index++) {
      const client = await this.#machine(`client-${index}`);
      const address = `10.1.1.${index}`;
      const port = `port${index}`;
      const peer = ["peer", "name", "lan", "netns", client.host.name];
      await ip("link", "add", port, "type", "veth", ...peer);
      await ip("link", "set", port, "up");
      await ip("route", "add", address, "dev", port);
      await client.run("ip", "address", "add", `${address}/32`, "dev", "lan");
      await client.run("ip", "link", "set", "lan", "addrgenmode", "none", "up");
      await client.run("ip", "route", "add", SERVER, "dev", "lan");
      await client.run("ip", "route", "add", "default", "via", SERVER, "dev", "lan");
      this.clients.push(client);
    }
    this.#belongings.use(await DhtNodeProcess.start(this.server.host, DHT_PORT));
  }

  async #machine(name: string): Promise<DvpnMachine> {
    const host = this.#belongings.use(await NetworkNamespace.create(`dvpn-${name}`));
    const machine = new DvpnMachine(host, `${this.#directory}/${name}`);
    await Deno.mkdir(machine.directory, { mode: 0o700, recursive: true });
    this.#belongings.defer(async () => await machine.process?.[Symbol.asyncDispose]());
    return machine;
  }

  /** What everybody said. */
  get log(): string {
    return [this.server, ...this.clients].map(({ process }) => process?.stderr ?? "").join("---\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#belongings.disposeAsync();
  }
}

/** A test with a server and clients. */
export function dvpnSiteTest(
  name: string,
  clients: number,
  test: (site: DvpnSite) => Promise<void>,
): void {
  labTestOf(name, () => DvpnSite.create(clients), test);
}
