import { Background, eventually, run } from "./command.ts";
import { NetworkNamespace } from "./namespace.ts";

/**
 * The router's address on the WAN. miniupnpd refuses private and documentation addresses there
 * (RFC 1918, RFC 5737), so it has to look public; the namespace has no way to where it is in use.
 */
export const WAN_ADDRESS = "11.0.0.1";
/** Another one, for the day the provider changes it. */
export const OTHER_WAN_ADDRESS = "11.0.0.9";
/** The client's addresses behind the router. */
export const CLIENT_ADDRESS = "192.168.77.2", CLIENT_ADDRESS_IPV6 = "2001:db8:77::2";

const RULES = `
table inet filter {
  chain miniupnpd {}
  chain prerouting_miniupnpd {}
  chain postrouting_miniupnpd {}
  chain input {
    type filter hook input priority 0; policy drop;
    iifname { "lan", "lo" } accept
    meta l4proto ipv6-icmp accept
    ct state established,related accept
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    iifname "lan" accept
    ct state established,related accept
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname "wan" meta nfproto ipv4 masquerade
  }
}`;

/** How {@linkcode RouterLab.startMiniupnpd} runs the daemon. */
export interface MiniupnpdOptions {
  /** Which device description it gives; 2 when absent. */
  readonly igd?: 1 | 2;
  /** Whether UPnP is on; true when absent. */
  readonly upnp?: boolean;
  /** Whether NAT-PMP and PCP are on; true when absent. */
  readonly natPmp?: boolean;
}

/** A client behind a NAT router with Debian's miniupnpd, and a host on the WAN. Needs root. */
export class RouterLab implements AsyncDisposable {
  #daemon: Background | undefined;
  readonly #programs: Background[] = [];

  private constructor(
    readonly router: NetworkNamespace,
    readonly client: NetworkNamespace,
    readonly wan: NetworkNamespace,
    readonly directory: string,
    readonly denoDirectory: string,
  ) {}

  /** Builds the three namespaces; the daemon does not run yet. */
  static async create(): Promise<RouterLab> {
    const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
    const lab = new RouterLab(
      await NetworkNamespace.create("router"),
      await NetworkNamespace.create("client"),
      await NetworkNamespace.create("wan"),
      await Deno.makeTempDir({ prefix: "dhtnet-router-" }),
      denoDir,
    );
    try {
      await lab.#build();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** Runs miniupnpd in the router until {@linkcode RouterLab.stopMiniupnpd}. */
  async startMiniupnpd(options: MiniupnpdOptions = {}): Promise<void> {
    const yes = (on: boolean) => on ? "yes" : "no";
    const configuration = [
      "ext_ifname=wan",
      "listening_ip=lan",
      "port=5000",
      `enable_upnp=${yes(options.upnp ?? true)}`,
      `enable_natpmp=${yes(options.natPmp ?? true)}`,
      `force_igd_desc_v1=${yes(options.igd === 1)}`,
      "secure_mode=yes",
      "min_lifetime=5",
      "max_lifetime=86400",
      "uuid=6aa3c2f0-0b0a-4c8e-9f43-1c5a3d6b7e10",
      "upnp_table_name=filter",
      "upnp_nat_table_name=filter",
      "upnp_forward_chain=miniupnpd",
      "upnp_nat_chain=prerouting_miniupnpd",
      "upnp_nat_postrouting_chain=postrouting_miniupnpd",
      "allow 1024-65535 192.168.77.0/24 1024-65535",
      "deny 0-65535 0.0.0.0/0 0-65535",
    ];
    const file = `${this.directory}/miniupnpd.conf`;
    await Deno.writeTextFile(file, configuration.join("\n") + "\n");
    const pidFile = `${this.directory}/miniupnpd.pid`;
    this.#daemon = new Background(
      this.router.inside("/usr/sbin/miniupnpd", "-d", "-f", file, "-P", pidFile),
    );
    await this.#daemon.shows(/HTTP listening|Listening for NAT-PMP/);
  }

  /** Ends miniupnpd, and its mappings as a router's restart would. */
  async stopMiniupnpd(): Promise<void> {
    this.#daemon?.kill("SIGTERM");
    await this.#daemon?.status;
    await this.#daemon?.[Symbol.asyncDispose]();
    this.#daemon = undefined;
    for (const chain of ["miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"]) {
      await run(...this.router.inside("nft", "flush", "chain", "inet", "filter", chain));
    }
  }

  /** What miniupnpd has said so far. */
  get daemonLog(): string {
    return this.#daemon?.stderr ?? "";
  }

  /** The kernel's rules in the router. */
  ruleset(): Promise<string> {
    return run(...this.router.inside("nft", "list", "ruleset"));
  }

  /** The mapped ports as the router's kernel has them: `udp 4222`. */
  async mappedPorts(): Promise<string[]> {
    const rules = await this.ruleset();
    // the kernel's form of "UDP to this port": protocol 0x11, then the destination port
    return [...rules.matchAll(/0x(11|6) th dport (\d+) dnat ip to/g)]
      .map(([, protocol, port]) => `${protocol === "11" ? "udp" : "tcp"} ${port}`).sort();
  }

  /** Waits until exactly these ports are mapped. */
  async mapped(...ports: string[]): Promise<void> {
    let last: string[] = [];
    await eventually(`the router maps [${ports}]`, async () => {
      last = await this.mappedPorts();
      return last.join() === [...ports].sort().join();
    }).catch((error) => {
      throw new Error(`${error.message}; it maps [${last}]`);
    });
  }

  /** Gives the router another address on the WAN. */
  async changeWanAddress(from: string, to: string): Promise<void> {
    await run("ip", "-n", this.router.name, "addr", "del", `${from}/24`, "dev", "wan");
    await run("ip", "-n", this.router.name, "addr", "add", `${to}/24`, "dev", "wan");
  }

  /** Gives the client's interface one more address, as if it were another host. */
  async addClientAddress(ip: string): Promise<void> {
    await run("ip", "-n", this.client.name, "addr", "add", `${ip}/24`, "dev", "eth0");
  }

  /** Starts a Deno program in the client's namespace. */
  program(path: string, ...args: string[]): Background {
    const program = new Background(
      this.client.inside(Deno.execPath(), "run", "-A", "--unstable-net", path, ...args),
      { env: { DENO_DIR: this.denoDirectory, NO_COLOR: "1" } },
    );
    this.#programs.push(program);
    return program;
  }

  /** Sends a line from the WAN to an address of the router, and gives what comes back. */
  async askFromWan(transport: "udp" | "tcp", ip: string, port: number): Promise<string> {
    const script =
      `exec 3<>/dev/${transport}/${ip}/${port}; echo hello >&3; timeout 3 head -n 1 <&3`;
    return (await run(...this.wan.inside("bash", "-c", script))).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#programs, ...(this.#daemon === undefined ? [] : [this.#daemon])];
    await Promise.all(all.map((program) => program[Symbol.asyncDispose]()));
    for (const namespace of [this.client, this.wan, this.router]) {
      await namespace[Symbol.asyncDispose]();
    }
    await Deno.remove(this.directory, { recursive: true });
  }

  async #build(): Promise<void> {
    const ip = (...args: string[]) => run("ip", ...args);
    const { router, client, wan } = this;
    const forwarding = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
    await run(...router.inside("sysctl", "-qw", ...forwarding));
    for (const { name } of [router, client, wan]) {
      // without waiting for duplicate address detection, an address can be bound at once
      await ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
    }
    await ip(
      "-n",
      router.name,
      "link",
      "add",
      "lan",
      "type",
      "veth",
      "peer",
      "eth0",
      "netns",
      client.name,
    );
    await ip(
      "-n",
      router.name,
      "link",
      "add",
      "wan",
      "type",
      "veth",
      "peer",
      "eth0",
      "netns",
      wan.name,
    );
    for (
      const [namespace, device, ...addresses] of [
        [router, "lan", "192.168.77.1/24", "2001:db8:77::1/64", "fe80::1/64"],
        [router, "wan", `${WAN_ADDRESS}/24`, "2001:db8:11::1/64"],
        [client, "eth0", `${CLIENT_ADDRESS}/24`, `${CLIENT_ADDRESS_IPV6}/64`],
        [wan, "eth0", "11.0.0.2/24", "2001:db8:11::2/64"],
      ] as const
    ) {
      await ip("-n", namespace.name, "link", "set", device, "up");
      for (const address of addresses) {
        const nodad = address.includes(":") ? ["nodad"] : [];
        await ip("-n", namespace.name, "addr", "add", address, "dev", device, ...nodad);
      }
    }
    await ip("-n", client.name, "route", "add", "default", "via", "192.168.77.1");
    await ip("-n", client.name, "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0");
    await ip("-n", wan.name, "-6", "route", "add", "2001:db8:77::/64", "via", "2001:db8:11::1");
    const rules = `${this.directory}/rules.nft`;
    await Deno.writeTextFile(rules, RULES);
    await run(...router.inside("nft", "-f", rules));
  }
}

/** A test with a router of its own, which is gone at the test's end or after the time-out. */
export function routerTest(
  name: string,
  test: (lab: RouterLab) => Promise<void>,
  timeoutMs = 60_000,
): void {
  Deno.test(`lab: ${name}`, async () => {
    await using lab = await RouterLab.create();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`not done after ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const work = test(lab);
    work.catch(() => {});
    try {
      await Promise.race([work, late.promise]);
    } catch (error) {
      console.error(lab.daemonLog.slice(-4000), await lab.ruleset());
      throw error;
    } finally {
      clearTimeout(timer);
    }
  });
}
