import type { Background } from "../command.ts";
import { type MiniupnpdOptions, startMiniupnpd } from "../miniupnpd.ts";
import { NetworkNamespace } from "../namespace.ts";
import type { Core, Uplink } from "./core.ts";
import { type NatKind, type Outbound, routerRules, TABLE } from "./router_rules.ts";
import { setUp, SYSCTL_ROUTER } from "./script.ts";

/** What a site's way to the public network is like. */
export interface RouterPlan {
  readonly nat: NatKind;
  /** What its firewall lets out; everything unless said otherwise. */
  readonly outbound?: Outbound;
  /** The NAT of the carrier in front of it (CGNAT); none unless said otherwise. */
  readonly carrier?: Exclude<NatKind, "none">;
  /** The port mapping protocols that it speaks; none unless said otherwise. */
  readonly mapping?: MiniupnpdOptions;
  /** Whether it begins to speak them only when {@linkcode SiteRouter.startMapping} is called. */
  readonly mappingLater?: boolean;
  /** IP versions that the site has; IPv4 alone unless said otherwise. */
  readonly families?: readonly (4 | 6)[];
}

/** The addresses of one client in a site's network. */
export interface ClientAddresses {
  readonly ipv4?: { address: string; prefix: number; gateway: string };
  readonly ipv6?: { address: string; prefix: number; gateway: string };
}

/** The first client gets this number in its network; an open NAT sends everything to it. */
const FIRST_CLIENT = 2;
const MAX_ROUTERS = 15; // a /24 of public addresses has place for so many /28

/**
 * A site's router: `lan` is a bridge that its clients are plugged into, `wan` leads to the core, or to
 * the carrier's router, which is built as well.
 */
export class SiteRouter implements AsyncDisposable {
  readonly #number: number;
  readonly #families: readonly (4 | 6)[];
  readonly #outbound: Outbound;
  readonly #carrier: NetworkNamespace | undefined;
  #ipv4Uplink: readonly string[] = [];
  #daemon: Background | undefined;
  #clients = 0;

  private constructor(
    readonly namespace: NetworkNamespace,
    number: number,
    readonly plan: RouterPlan,
    carrier: NetworkNamespace | undefined,
  ) {
    this.#number = number;
    this.#families = plan.families ?? [4];
    this.#outbound = plan.outbound ?? "all";
    this.#carrier = carrier;
  }

  /**
   * Builds a router.
   *
   * @param directory for a port mapping daemon's files
   * @param number a number of its own in the lab, from 1 to 15; all addresses follow from it
   */
  static async create(
    core: Core,
    number: number,
    plan: RouterPlan,
    directory: string,
  ): Promise<SiteRouter> {
    if (number < 1 || number > MAX_ROUTERS) throw new RangeError(`router ${number}: too many`);
    if (plan.carrier !== undefined && plan.nat === "none") {
      throw new TypeError("behind a carrier's NAT nobody has public addresses");
    }
    await using undo = new AsyncDisposableStack();
    const home = undo.use(await NetworkNamespace.create("nat-router"));
    const carrier = plan.carrier === undefined
      ? undefined
      : undo.use(await NetworkNamespace.create("nat-carrier"));
    const router = new SiteRouter(home, number, plan, carrier);
    await router.#build(core);
    if (!plan.mappingLater) await router.startMapping(directory);
    undo.move();
    return router;
  }

  /**
   * Its address in the public network, or the carrier's. miniupnpd takes none for documentation, so
   * with that it is one that looks public; the namespaces have no way to where it is in use.
   */
  get publicIpv4(): string {
    return `${this.plan.mapping === undefined ? "203.0.113" : "11.0.0"}.${100 + this.#number}`;
  }

  /** Treats connections in another way from now on; those that exist keep their mappings. */
  async setNat(nat: NatKind): Promise<void> {
    await setUp(this.namespace, { nft: this.#rules(nat) });
  }

  /** Forgets all mappings, as a router does that was switched off and on again. */
  async forgetMappings(): Promise<void> {
    // The kernel drops masqueraded connections when the address goes that they were given.
    await setUp(this.namespace, {
      ip: [`addr del ${this.#ipv4Uplink[0]!.slice("addr add ".length)}`, ...this.#ipv4Uplink],
    });
  }

  /** Plugs a client in: the lines that give it the interface, and its addresses. */
  async plugIn(client: NetworkNamespace, device: string): Promise<ClientAddresses> {
    const port = `port${this.#clients}`;
    const addresses = this.#clientAddresses(FIRST_CLIENT + this.#clients++);
    const { ipv4, ipv6 } = addresses;
    await setUp(client, {
      ip: [
        `link add ${device} type veth peer name ${port} netns ${this.namespace.name}`,
        `link set ${device} up`,
        ...(ipv4 === undefined ? [] : [
          `addr add ${ipv4.address}/${ipv4.prefix} dev ${device}`,
          `route replace default via ${ipv4.gateway} dev ${device}`,
        ]),
        ...(ipv6 === undefined ? [] : [
          `addr add ${ipv6.address}/${ipv6.prefix} dev ${device} nodad`,
          `route replace ::/0 via ${ipv6.gateway} dev ${device}`,
        ]),
      ],
    });
    await setUp(this.namespace, { ip: [`link set ${port} master lan up`] });
    return addresses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
    await this.#carrier?.[Symbol.asyncDispose]();
  }

  /** The network of its clients; public where there is no NAT. */
  #clientAddresses(host: number): ClientAddresses {
    const n = this.#number;
    const [ipv4, prefix] = this.plan.nat === "none"
      ? [(i: number) => `198.51.100.${16 * n + i}`, 28] as const
      : [(i: number) => `10.0.${n}.${i}`, 24] as const;
    const ipv6 = (i: number) => `2001:db8:${n}::${i}`;
    return {
      ...(this.#families.includes(4) &&
        { ipv4: { address: ipv4(host), prefix, gateway: ipv4(1) } }),
      ...(this.#families.includes(6) &&
        { ipv6: { address: ipv6(host), prefix: 64, gateway: ipv6(1) } }),
    };
  }

  #rules(nat: NatKind): string {
    const { ipv4 } = this.#clientAddresses(FIRST_CLIENT);
    return routerRules(nat, this.#outbound, ipv4?.address ?? "192.0.2.1");
  }

  /** Starts the port mapping daemon, if one is planned. @param directory for its files */
  async startMapping(directory: string): Promise<void> {
    const options = this.plan.mapping;
    if (options === undefined) return;
    const { ipv4 } = this.#clientAddresses(0);
    if (ipv4 === undefined) throw new TypeError("port mapping is for IPv4");
    const clients = `${ipv4.address}/${ipv4.prefix}`;
    const place = { namespace: this.namespace, table: TABLE, clients, directory };
    this.#daemon = await startMiniupnpd(place, options);
  }

  async #build(core: Core): Promise<void> {
    const n = this.#number;
    const with4 = this.#families.includes(4), with6 = this.#families.includes(6);
    const publicLan = this.plan.nat === "none" && with4 ? [`198.51.100.${16 * n}/28`] : [];
    const uplink = core.attach({
      ipv4: with4 ? [this.publicIpv4] : [],
      ipv6: with6 ? [`2001:db8::${100 + n}`] : [],
      networks: [...publicLan, ...this.#lan6],
    });
    await setUp(this.namespace, { sysctl: SYSCTL_ROUTER });
    const { link, ipv4, ipv6 } = this.#carrier === undefined
      ? uplink
      : await this.#buildCarrier(this.#carrier, uplink);
    this.#ipv4Uplink = ipv4;
    await setUp(this.namespace, {
      ip: [...link, ...ipv4, ...ipv6, ...this.#lan()],
      nft: this.#rules(this.plan.nat),
    });
    await setUp(core.namespace, { ip: uplink.core });
  }

  /** Builds the carrier's router; what leads to it. */
  async #buildCarrier(
    carrier: NetworkNamespace,
    uplink: Uplink,
  ): Promise<Pick<Uplink, "link" | "ipv4" | "ipv6">> {
    const inside = `100.64.${this.#number}`;
    await setUp(carrier, {
      sysctl: SYSCTL_ROUTER,
      ip: [
        ...uplink.link,
        ...uplink.ipv4,
        ...uplink.ipv6,
        `link add lan type veth peer name wan netns ${this.namespace.name}`,
        "link set lan up",
        `addr add ${inside}.1/24 dev lan`,
        "addr add fe80::1/64 dev lan nodad",
        ...this.#lan6.map((network) => `route add ${network} via fe80::2 dev lan`),
      ],
      nft: routerRules(this.plan.carrier!, "all", `${inside}.2`),
    });
    const ipv6 = ["addr add fe80::2/64 dev wan nodad", "route add ::/0 via fe80::1 dev wan"];
    return {
      link: ["link set wan up"],
      ipv4: [`addr add ${inside}.2/24 dev wan`, `route add default via ${inside}.1 dev wan`],
      ipv6: this.#lan6.length > 0 ? ipv6 : [],
    };
  }

  /** The site's own network. */
  #lan(): string[] {
    const { ipv4, ipv6 } = this.#clientAddresses(1);
    const mac = `02:00:00:00:00:${this.#number.toString(16).padStart(2, "0")}`;
    return [
      "link add lan type bridge",
      `link set lan address ${mac} up`,
      ...(ipv4 === undefined ? [] : [`addr add ${ipv4.address}/${ipv4.prefix} dev lan`]),
      ...(ipv6 === undefined ? [] : [`addr add ${ipv6.address}/${ipv6.prefix} dev lan nodad`]),
    ];
  }

  get #lan6(): string[] {
    return this.#families.includes(6) ? [`2001:db8:${this.#number}::/64`] : [];
  }
}
