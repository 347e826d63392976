import { canonicalIp } from "../../lib/ip/mod.ts";
import { Background, eventually, run } from "./command.ts";
import {
  DHT_PORT,
  DVPN,
  environmentOf,
  labTestOf,
  networkOf,
  prepareDvpn,
} from "./dvpn_command.ts";
import { DhtNodeProcess } from "./dhtnode.ts";
import { NetworkNamespace } from "./namespace.ts";

const WHO_PORT = 7;
/** What `/etc/resolv.conf` says before `dvpn` comes. */
export const RESOLV_CONF = "search example.org\nnameserver 198.51.100.53\noptions timeout:1\n";

/** Addresses in the lab, IPv4 and IPv6. */
export const AT = {
  /** A host of the Internet: it tells whoever connects which address it sees. */
  web: ["198.51.100.7", "2001:db8:7::7"],
  client: ["10.1.0.2", "2001:db8:1::2"],
  server: ["203.0.113.2", "2001:db8:2::2"],
  /** A host in the server's local network, which tells the same. */
  lan: ["192.168.50.7", "fd50::7"],
} as const;

/** A side of the VPN. */
export type Side = "client" | "server";
type HostName = Side | "internet" | "web" | "lan";

/**
 * A client and a server on different networks, the Internet between them, and a local network behind
 * the server. Both have an `/etc` of their own.
 *
 * ```text
 *   client 10.1.0.2 ───┐
 *                      internet ── 203.0.113.2 server ── lan 192.168.50.7
 *   web 198.51.100.7 ──┘
 * ```
 */
export class DvpnInternet implements AsyncDisposable {
  readonly #belongings = new AsyncDisposableStack();
  readonly #started: Background[] = [];
  readonly #hosts = new Map<HostName, NetworkNamespace>();

  private constructor(
    /** For the test's files. */
    readonly directory: string,
  ) {
    this.#belongings.defer(() => Deno.remove(directory, { recursive: true }));
  }

  /** The networks, with nothing running but a DHT node and the hosts that tell addresses. */
  static async create(): Promise<DvpnInternet> {
    await prepareDvpn();
    const lab = new DvpnInternet(await Deno.makeTempDir({ prefix: "dhtnet-dvpn-" }));
    try {
      await lab.#build();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** A machine. */
  host(name: HostName): NetworkNamespace {
    return this.#hosts.get(name)!;
  }

  /** Where a side's `/etc` is. */
  etc(side: Side): string {
    return `${this.directory}/${side}/etc`;
  }

  /** The command that runs another one on a side, with its `/etc`. */
  inside(side: Side, ...command: string[]): string[] {
    const mount = `mount --bind ${this.etc(side)} /etc && exec "$@"`;
    return this.host(side).inside("unshare", "-m", "sh", "-c", mount, "sh", ...command);
  }

  /** Starts a `dvpn`; each side has a configuration directory of its own. */
  start(side: Side, ...args: string[]): Background {
    return this.#start(side, ...args, ...networkOf(AT.web[0]));
  }

  /** `dvpn --cleanup` on a side; what it says. */
  async cleanUp(side: Side): Promise<string> {
    const process = this.#start(side, "--cleanup");
    await process.status;
    await process[Symbol.asyncDispose]();
    return process.stdout;
  }

  /** A server and a client that are connected. */
  async connect(
    options: { server?: readonly string[]; client?: readonly string[] } = {},
  ): Promise<{ server: Background; client: Background; id: string }> {
    const server = this.start("server", "-l", "-a", ...options.server ?? []);
    const id = (await server.shows(/listening, id ([0-9a-f]{64})/))[1]!;
    const client = this.start("client", id, ...options.client ?? []);
    await client.shows(/connected over/);
    return { server, client, id };
  }

  /**
   * The address that a host sees when something on a side connects to it.
   *
   * @throws when it cannot be reached
   */
  async seenAs(from: Side, host: string, user = "nobody"): Promise<string> {
    const address = host.includes(":") ? `[${host}]` : host;
    const socat = ["socat", "-T5", "-u", `TCP:${address}:${WHO_PORT},connect-timeout=5`, "-"];
    const asUser = ["setpriv", `--reuid=${user}`, "--clear-groups", ...socat];
    const seen = await run(...this.host(from).inside(...asUser));
    return canonicalIp(seen.trim().replace(/^\[|\]$/g, ""));
  }

  /** Waits until a host sees that address when a side connects to it; how long that took, ms. */
  async isSeenAs(
    from: Side,
    host: string,
    expected: string,
    timeoutMs = 20_000,
  ): Promise<number> {
    const beganMs = performance.now();
    let seen = "";
    const same = async () => {
      seen = await this.seenAs(from, host).catch((error) => error.message);
      return seen === expected;
    };
    await eventually(`${host} sees ${expected}`, same, timeoutMs).catch((error) => {
      throw new Error(`${error.message}, but ${seen}`);
    });
    return Math.round(performance.now() - beganMs);
  }

  /**
   * Moves the client to another network, as from wireless to mobile: another interface, another
   * address, another gateway.
   */
  async moveClient(): Promise<void> {
    await run("ip", "-n", this.host("client").name, "link", "delete", "internet");
    await this.#cable("client", ["10.9.0.2"], "internet", ["10.9.0.1"], "mobile");
    await this.#defaultRoute("client", ["10.9.0.1"]);
  }

  /** All that `dvpn` may change on a side: to compare. */
  async state(side: Side): Promise<string> {
    const host = this.host(side);
    const ip = (...words: string[]) => run(...host.inside("ip", ...words));
    const resolv = `${this.etc(side)}/resolv.conf`;
    const { isSymlink, mode } = await Deno.lstat(resolv);
    const settings = "^net.ipv[46].*(forward|accept_r|redirects)";
    const parts = [
      await ip("-o", "address"),
      await ip("-4", "route", "show", "table", "all"),
      await ip("-6", "route", "show", "table", "all"),
      await ip("-4", "rule"),
      await ip("-6", "rule"),
      await run(...host.inside("nft", "list", "ruleset")),
      await run(...host.inside("sysctl", "-a", "-r", settings)),
      `${isSymlink ? await Deno.readLink(resolv) : mode} ${await Deno.readTextFile(resolv)}`,
      [...Deno.readDirSync(this.etc(side))].map(({ name }) => name).sort().join(" "),
    ];
    return parts.join("--\n");
  }

  /** Waits until a side is as it was. */
  async isAs(side: Side, before: string, timeoutMs = 5_000): Promise<void> {
    let now = "";
    const same = async () => (now = await this.state(side)) === before;
    await eventually(`the ${side} is as before`, same, timeoutMs).catch((error) => {
      const [were, are] = [before, now].map((state) => state.split("\n"));
      const gone = were!.filter((line) => !are!.includes(line)).map((line) => `- ${line}\n`);
      const come = are!.filter((line) => !were!.includes(line)).map((line) => `+ ${line}\n`);
      throw new Error(`${error.message}:\n${gone.join("")}${come.join("")}`);
    });
  }

  /** What everybody said. */
  get log(): string {
    return this.#started.map(({ stdout, stderr }) => stdout + stderr).join("---\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#started) await process[Symbol.asyncDispose]();
    await this.#belongings.disposeAsync();
  }

  #start(side: Side, ...args: string[]): Background {
    const process = new Background(this.inside(side, ...DVPN, ...args), {
      env: environmentOf(`${this.directory}/${side}`),
    });
    this.#started.push(process);
    return process;
  }

  async #build(): Promise<void> {
    for (const name of ["client", "server", "internet", "web", "lan"] as const) {
      const host = this.#belongings.use(await NetworkNamespace.create(`vpn-${name}`));
      this.#hosts.set(name, host);
      await run(...host.inside("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0"));
    }
    const internet = this.host("internet");
    await run(...internet.inside("sysctl", "-q", "-w", "net.ipv4.ip_forward=1"));
    await run(...internet.inside("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1"));
    const gateways = {
      client: ["10.1.0.1", "2001:db8:1::1"],
      server: ["203.0.113.1", "2001:db8:2::1"],
      web: ["198.51.100.1", "2001:db8:7::1"],
      lan: ["192.168.50.1", "fd50::1"],
    };
    for (const name of ["client", "server", "web", "lan"] as const) {
      const router = name === "lan" ? "server" : "internet";
      await this.#cable(name, AT[name], router, gateways[name]);
      await this.#defaultRoute(name, gateways[name]);
    }
    for (const side of ["client", "server"] as const) {
      await Deno.mkdir(this.etc(side), { recursive: true });
      await Deno.writeTextFile(`${this.etc(side)}/resolv.conf`, RESOLV_CONF);
      await Deno.writeTextFile(`${this.etc(side)}/hosts`, "127.0.0.1 localhost\n");
    }
    for (const name of ["web", "lan"] as const) {
      for (const [family, only] of [["TCP4", ""], ["TCP6", ",ipv6-v6only"]]) {
        const listen = `${family}-LISTEN:${WHO_PORT},fork,reuseaddr${only}`;
        const tell = ["socat", listen, "SYSTEM:echo $SOCAT_PEERADDR"];
        this.#belongings.use(new Background(this.host(name).inside(...tell)));
      }
    }
    this.#belongings.use(await DhtNodeProcess.start(this.host("web"), DHT_PORT));
  }

  /** A cable between two machines; each end is named after the other one. */
  async #cable(
    a: HostName,
    addressesOfA: readonly string[],
    b: HostName,
    addressesOfB: readonly string[],
    deviceOfA: string = b,
  ): Promise<void> {
    const peer = ["peer", "name", a, "netns", this.host(b).name];
    const link = ["link", "add", deviceOfA, "netns", this.host(a).name, "type", "veth", ...peer];
    await run("ip", ...link);
    const ends = [[a, deviceOfA, addressesOfA], [b, a, addressesOfB]] as const;
    for (const [host, device, addresses] of ends) {
      const ip = (...words: string[]) => run("ip", "-n", this.host(host).name, ...words);
      for (const address of addresses) {
        const prefix = address.includes(":") ? 64 : 24;
        await ip("address", "add", `${address}/${prefix}`, "dev", device);
      }
      await ip("link", "set", device, "up");
    }
  }

  async #defaultRoute(host: HostName, gateways: readonly string[]): Promise<void> {
    for (const ip of gateways) {
      await run("ip", "-n", this.host(host).name, "route", "add", "default", "via", ip);
    }
  }
}

/** A test with networks of its own. */
export function dvpnInternetTest(name: string, test: (lab: DvpnInternet) => Promise<void>): void {
  labTestOf(name, () => DvpnInternet.create(), test);
}
