import { fileURLToPath } from "node:url";
import { Background } from "../command.ts";
import { DncProcess } from "../dnc_process.ts";
import { NetworkNamespace } from "../namespace.ts";
import { QUIET_DENO, setUp, SYSCTL_HOST } from "./script.ts";
import { type ClientAddresses, type RouterPlan, SiteRouter } from "./site_router.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const DENO_RUN = [Deno.execPath(), "run", "-A", "--unstable-net", "--cached-only"];

/** What a site is like. */
export type SitePlan =
  & { readonly name: string }
  & (RouterPlan | {
    /** The site that owns the router and the local network that this one is plugged into, too. */
    readonly sameLanAs: string;
  });

/** Where programs inside find their modules and may leave their files. */
export interface Workplace {
  /** Removed with the lab. */
  readonly directory: string;
  readonly denoDirectory: string;
}

/** One machine, behind its router; programs run inside. */
export class Site implements AsyncDisposable {
  readonly #workplace: Workplace;
  readonly #processes: (Background | DncProcess)[] = [];
  readonly #routers: SiteRouter[] = [];
  #devices = 0;
  #homes = 0;
  #addresses: ClientAddresses = {};

  private constructor(
    readonly name: string,
    readonly namespace: NetworkNamespace,
    workplace: Workplace,
  ) {
    this.#workplace = workplace;
  }

  /** A machine that is plugged in nowhere yet. */
  static async create(name: string, workplace: Workplace): Promise<Site> {
    const namespace = await NetworkNamespace.create(`nat-${name}`);
    await setUp(namespace, { sysctl: SYSCTL_HOST });
    return new Site(name, namespace, workplace);
  }

  /** Plugs it into a router; the cable to the former one is pulled. */
  async plugInto(router: SiteRouter): Promise<void> {
    const former = this.#devices === 0 ? [] : [`link del eth${this.#devices - 1}`];
    this.#addresses = await router.plugIn(this.namespace, `eth${this.#devices++}`);
    await setUp(this.namespace, { ip: former });
    this.#routers.push(router);
  }

  /** The router that it is plugged into. */
  get router(): SiteRouter {
    return this.#routers.at(-1)!;
  }

  /** Its addresses in the local network; those that peers see are the router's, unless NAT is none. */
  get addresses(): { ipv4?: string; ipv6?: string } {
    const { ipv4, ipv6 } = this.#addresses;
    return {
      ...(ipv4 !== undefined && { ipv4: ipv4.address }),
      ...(ipv6 !== undefined && { ipv6: ipv6.address }),
    };
  }

  /** The IPv4 address that others see. */
  get publicIpv4(): string | undefined {
    return this.router.plan.nat === "none" ? this.addresses.ipv4 : this.router.publicIpv4;
  }

  /** Where files of the lab may be left; removed with it. */
  get directory(): string {
    return this.#workplace.directory;
  }

  /** The command that runs another command inside. */
  inside(...command: string[]): string[] {
    return this.namespace.inside(...command);
  }

  /** Starts another program inside, beside the test. */
  background(...command: string[]): Background {
    const process = new Background(this.inside(...command), { env: QUIET_DENO });
    this.#processes.push(process);
    return process;
  }

  /** A home directory of its own for one more `dnc`, and the environment that names it. */
  async environment(): Promise<Record<string, string>> {
    const home = `${this.#workplace.directory}/${this.name}-${this.#homes++}`;
    await Deno.mkdir(`${home}/tmp`, { recursive: true });
    return {
      PATH: Deno.env.get("PATH")!,
      HOME: home,
      TMPDIR: `${home}/tmp`,
      DENO_DIR: this.#workplace.denoDirectory,
      DHTNET_CONFIG_DIR: `${home}/dhtnet`,
      ...QUIET_DENO,
    };
  }

  /** What `dnc` is started with, inside. */
  dncCommand(...args: string[]): string[] {
    return this.inside(...DENO_RUN, `${ROOT}cmd/dnc.ts`, ...args);
  }

  /** Starts a `dnc` inside: a new device each time, unless an environment is given. */
  async dnc(args: readonly string[], environment?: Record<string, string>): Promise<DncProcess> {
    const env = environment ?? await this.environment();
    const process = new DncProcess({ command: this.dncCommand(...args), env });
    this.#processes.push(process);
    return process;
  }

  /** What every `dnc` said here, for a test that failed. */
  get log(): string {
    return this.#processes
      .map((process) => process instanceof DncProcess ? process.log : process.stderr)
      .map((log, index) => `--- ${this.name}, process ${index}:\n${log}`)
      .join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
    await this.namespace[Symbol.asyncDispose]();
  }
}
