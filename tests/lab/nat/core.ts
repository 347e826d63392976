import { fileURLToPath } from "node:url";
import { Background } from "../command.ts";
import { NetworkNamespace } from "../namespace.ts";
import { QUIET_DENO, setUp, SYSCTL_ROUTER } from "./script.ts";

/** Where every attached namespace sends what is not for itself. */
const GATEWAY = { ipv4: "203.0.113.1", ipv6: "fe80::1" };
/** The link-local address of the attached end. */
const FAR_IPV6 = "fe80::2";
/** Addresses that no public network carries; what is sent there is lost without a word. */
const PRIVATE_NETWORKS = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
];
const TUN = "impaired";
const TABLE = "100";
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** How long and how lossy the way through the core is, for every packet. */
export interface Impairment {
  /** One-way delay, in milliseconds. */
  readonly delayMs?: number;
  /** Share of packets that are lost, in percent. */
  readonly lossPercent?: number;
}

/** What an attached namespace may send from, and what is reached through it. */
export interface Attachment {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** Networks behind it, in CIDR notation. */
  readonly networks?: readonly string[];
}

/** What makes an attachment, as lines for `ip -batch`. */
export interface Uplink {
  /** In the attached namespace: the interface, and its addresses and routes of each IP version. */
  readonly link: readonly string[];
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** In the core, after the former. */
  readonly core: readonly string[];
}

/**
 * The public network: a router that everything else is attached to, by an interface named `wan` on
 * their side. It knows public addresses only, and no way out.
 */
export class Core implements AsyncDisposable {
  #attached = 0;
  #impairing: Background | undefined;

  private constructor(readonly namespace: NetworkNamespace) {}

  static async create(): Promise<Core> {
    const namespace = await NetworkNamespace.create("nat-wan");
    const core = new Core(namespace);
    await setUp(namespace, {
      sysctl: SYSCTL_ROUTER,
      ip: [
        `addr add ${GATEWAY.ipv4}/32 dev lo`,
        ...PRIVATE_NETWORKS.map((network) => `route add blackhole ${network}`),
        `tuntap add ${TUN} mode tun`,
        `link set ${TUN} up txqueuelen 10000`,
        `route add default dev ${TUN} table ${TABLE}`,
        `route add ::/0 dev ${TUN} table ${TABLE}`,
      ],
    });
    return core;
  }

  /** The lines for `ip -batch` that attach a namespace; those of the core come last. */
  attach(attachment: Attachment): Uplink {
    const { ipv4, ipv6, networks = [] } = attachment;
    const name = `w${this.#attached++}`;
    const via = (network: string) =>
      network.includes(":") ? `${FAR_IPV6} dev ${name}` : `${ipv4[0]} dev ${name} onlink`;
    return {
      link: [
        `link add wan type veth peer name ${name} netns ${this.namespace.name}`,
        "link set wan up",
      ],
      ipv4: ipv4.length === 0 ? [] : [
        ...ipv4.map((address) => `addr add ${address}/32 dev wan`),
        `route add default via ${GATEWAY.ipv4} dev wan onlink`,
      ],
      ipv6: ipv6.length === 0 ? [] : [
        `addr add ${FAR_IPV6}/64 dev wan nodad`,
        ...ipv6.map((address) => `addr add ${address}/128 dev wan nodad`),
        `route add ::/0 via ${GATEWAY.ipv6} dev wan`,
      ],
      core: [
        `link set ${name} up`,
        `addr add ${GATEWAY.ipv6}/64 dev ${name} nodad`,
        ...ipv4.map((address) => `route add ${address}/32 dev ${name}`),
        ...ipv6.map((address) => `route add ${address}/128 via ${FAR_IPV6} dev ${name}`),
        ...networks.map((network) => `route add ${network} via ${via(network)}`),
      ],
    };
  }

  /** Makes the way through the core long and lossy, from now on; or short and sure again. */
  async impair({ delayMs = 0, lossPercent = 0 }: Impairment): Promise<void> {
    const detours = (verb: string) => {
      const rules = [
        `rule ${verb} iif ${TUN} priority 10 table main`,
        `rule ${verb} priority 20 table ${TABLE}`,
      ];
      return { ip: rules, ip6: rules };
    };
    if (this.#impairing !== undefined) {
      await setUp(this.namespace, detours("del"));
      await this.#impairing[Symbol.asyncDispose]();
      this.#impairing = undefined;
    }
    if (delayMs === 0 && lossPercent === 0) return;
    const program = `${ROOT}tests/lab/nat/impaired_link.ts`;
    this.#impairing = new Background(
      this.namespace.inside(
        ...[Deno.execPath(), "run", "-A", "--no-config", program],
        ...[TUN, String(delayMs), String(lossPercent)],
      ),
      { env: QUIET_DENO },
    );
    await this.#impairing.shows(/ready/);
    await setUp(this.namespace, detours("add"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#impairing?.[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
  }
}
