import { fileURLToPath } from "node:url";
import { run } from "../command.ts";
import { DhtNodeProcess } from "../dhtnode.ts";
import { NetworkNamespace } from "../namespace.ts";
import { Capture } from "./capture.ts";
import { Core, type Impairment } from "./core.ts";
import { LAB_FILES, removeAbandoned } from "./abandoned.ts";
import type { NatKind } from "./router_rules.ts";
import { setUp, SYSCTL_HOST } from "./script.ts";
import { Site, type SitePlan } from "./site.ts";
import { type RouterPlan, SiteRouter } from "./site_router.ts";
import { TURN_ADDRESSES, TurnServer } from "./turn_server.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const DHT_ADDRESSES = { ipv4: ["203.0.113.10"], ipv6: ["2001:db8::10"] } as const;
const DHT_PORT = 4222;

/** The public network of a lab. */
export interface WanPlan extends Impairment {
  /** How many of Debian's DHT nodes there are; one unless said otherwise. */
  readonly dhtnodes?: number;
  /** Whether there is a STUN and TURN server, or its further options; none unless said otherwise. */
  readonly turn?: boolean | readonly string[];
}

/** What a lab consists of. */
export interface LabPlan {
  readonly sites: readonly SitePlan[];
  readonly wan?: WanPlan;
}

/**
 * Sites behind routers of every kind, and a public network with servers: network namespaces that
 * nothing can leave. Needs root, and Debian's nftables, dhtnode and coturn.
 *
 * ```text
 *  site a ── router a ── [carrier] ──┐            ┌── dht   203.0.113.10: dhtnode
 *  10.0.1.2   lan  wan 203.0.113.101 │            │
 *                                    ├─── core ───┤
 *  site b ──┐                        │  delay and │
 *  site c ──┴ router b ──────────────┘    loss    └── turn  203.0.113.5, .6: coturn
 * ```
 */
export class NatLab implements AsyncDisposable {
  readonly #belongings = new AsyncDisposableStack();
  readonly #directory: string;
  readonly #sites = new Map<string, Site>();
  readonly #namespaces = new Map<string, NetworkNamespace>();
  #core: Core | undefined;
  #turn: TurnServer | undefined;
  #routers = 0;
  #captures = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#belongings.defer(() => Deno.remove(directory, { recursive: true }));
  }

  /** Builds a lab and starts its servers. Nothing is left of it when that fails. */
  static async create(plan: LabPlan): Promise<NatLab> {
    await removeAbandoned();
    const lab = new NatLab(
      await Deno.makeTempDir({ dir: LAB_FILES, prefix: `dhtnet-nat-lab-${Deno.pid}-` }),
    );
    try {
      await lab.#build(plan);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** The site of that name. */
  site(name: string): Site {
    const site = this.#sites.get(name);
    if (site === undefined) throw new RangeError(`no site is called ${name}`);
    return site;
  }

  get sites(): Site[] {
    return [...this.#sites.values()];
  }

  /** A DHT node to start from. */
  get bootstrap(): string {
    return `${DHT_ADDRESSES.ipv4[0]}:${DHT_PORT}`;
  }

  /** The same node, for those who have no IPv4. */
  get bootstrap6(): string {
    return `[${DHT_ADDRESSES.ipv6[0]}]:${DHT_PORT}`;
  }

  get hasTurn(): boolean {
    return this.#turn !== undefined;
  }

  /** The STUN and TURN server. */
  get turn(): TurnServer {
    if (this.#turn === undefined) throw new Error("this lab was planned without a TURN server");
    return this.#turn;
  }

  /** Where a site, `wan` (the core), `dht` or `turn` lives. */
  namespace(name: string): NetworkNamespace {
    return this.#namespaces.get(name) ?? this.site(name).namespace;
  }

  /** Makes the way between all that is attached to the core long and lossy, or short and sure. */
  async impair(impairment: Impairment): Promise<void> {
    await this.#core!.impair(impairment);
  }

  /** Another NAT at the site's router from now on; existing connections keep their mappings. */
  async setNat(name: string, nat: NatKind): Promise<void> {
    await this.site(name).router.setNat(nat);
  }

  /** The site's router begins to map ports, where that was planned for later. */
  async startMapping(name: string): Promise<void> {
    await this.site(name).router.startMapping(this.#directory);
  }

  /** The site's router forgets all mappings: those of the same connections will be others. */
  async forgetMappings(name: string): Promise<void> {
    await this.site(name).router.forgetMappings();
  }

  /**
   * Moves a site's machine to another router, as from wireless to mobile: another interface, another
   * address inside and outside. The former interface is gone.
   */
  async moveSite(name: string, plan?: RouterPlan): Promise<void> {
    const site = this.site(name);
    await site.plugInto(await this.#addRouter(plan ?? site.router.plan));
  }

  /** Ends the TURN server at once. */
  async stopTurn(): Promise<void> {
    await this.turn.stop();
  }

  /** Starts the TURN server again; it knows nothing of former allocations. */
  async startTurn(): Promise<void> {
    await this.turn.start();
  }

  /** Records every packet that passes a namespace, see {@linkcode namespace}. */
  async capture(name: string): Promise<Capture> {
    const file = `${this.#directory}/capture-${this.#captures++}.pcap`;
    return this.#belongings.use(await Capture.start(this.namespace(name), file));
  }

  /** What everybody said, for a test that failed. */
  get log(): string {
    return this.sites.map((site) => site.log).join("") +
      (this.#turn === undefined ? "" : `--- coturn:\n${this.#turn.log}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#belongings.disposeAsync();
  }

  async #build({ sites, wan = {} }: LabPlan): Promise<void> {
    const created = Core.create().then((core) => this.#belongings.use(core));
    const [core, denoDirectory] = await allDone(created, modulesOfDnc());
    this.#core = core;
    this.#namespaces.set("wan", core.namespace);
    const { dhtnodes = 1, turn = false } = wan;
    await allDone(
      dhtnodes > 0 ? this.#startDht(dhtnodes) : undefined,
      turn === false ? undefined : this.#startTurn(turn === true ? [] : turn),
      this.#addSites(sites, denoDirectory),
    );
    await core.impair(wan);
  }

  async #addSites(plans: readonly SitePlan[], denoDirectory: string): Promise<void> {
    const workplace = { directory: this.#directory, denoDirectory };
    const plugged = new Map<string, Promise<Site>>();
    const add = async (plan: SitePlan): Promise<Site> => {
      const shared = "sameLanAs" in plan ? plugged.get(plan.sameLanAs) : this.#addRouter(plan);
      if (shared === undefined) throw new RangeError(`${plan.name} shares the LAN of nobody`);
      const created = Site.create(plan.name, workplace).then((site) => this.#belongings.use(site));
      const [owner, site] = await allDone(shared, created);
      await site.plugInto(owner instanceof Site ? owner.router : owner);
      return site;
    };
    for (const plan of plans) plugged.set(plan.name, add(plan));
    const sites = await allDone(...plugged.values());
    for (const site of sites) this.#sites.set(site.name, site);
  }

  async #addRouter(plan: RouterPlan): Promise<SiteRouter> {
    return this.#belongings.use(
      await SiteRouter.create(this.#core!, ++this.#routers, plan, this.#directory),
    );
  }

  async #startDht(count: number): Promise<void> {
    const namespace = await this.#addHost("dht", DHT_ADDRESSES);
    for (let node = 0; node < count; node++) {
      const join = node === 0 ? undefined : this.bootstrap;
      this.#belongings.use(await DhtNodeProcess.start(namespace, DHT_PORT + node, join));
    }
  }

  async #startTurn(options: readonly string[]): Promise<void> {
    const namespace = await this.#addHost("turn", TURN_ADDRESSES);
    this.#turn = this.#belongings.use(
      await TurnServer.start(namespace, this.#directory, options),
    );
  }

  /** A server's machine, attached to the core directly. */
  async #addHost(
    name: string,
    addresses: { ipv4: readonly string[]; ipv6: readonly string[] },
  ): Promise<NetworkNamespace> {
    const namespace = this.#belongings.use(await NetworkNamespace.create(`nat-${name}`));
    const { link, ipv4, ipv6, core } = this.#core!.attach(addresses);
    await setUp(namespace, { sysctl: SYSCTL_HOST, ip: [...link, ...ipv4, ...ipv6] });
    await setUp(this.#core!.namespace, { ip: core });
    this.#namespaces.set(name, namespace);
    return namespace;
  }
}

/** Waits for all of them, also when one fails, so that what they made is known. */
async function allDone<T extends readonly unknown[]>(
  ...work: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

let modules: Promise<string> | undefined;

/** Loads what `dnc` consists of, because no namespace has a way to a registry; where it is. */
function modulesOfDnc(): Promise<string> {
  modules ??= (async () => {
    await run(Deno.execPath(), "cache", `${ROOT}cmd/dnc.ts`);
    return JSON.parse(await run(Deno.execPath(), "info", "--json")).denoDir;
  })();
  return modules;
}
