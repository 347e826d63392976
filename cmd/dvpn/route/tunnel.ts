import type { IpFamily } from "../../../lib/ip/mod.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import type { Report } from "../../peer/report.ts";
import { hostFamilies } from "../address/host_families.ts";
import { namesPlan, RESOLV_CONF } from "../dns/names_plan.ts";
import type { NameSettings } from "../dns/resolv_conf.ts";
import { AppliedPlan, type NetworkHost, type NetworkPlan } from "../plan/network_plan.ts";
import type { ClientRoutes } from "./client_routes.ts";
import { killSwitch } from "./kill_switch.ts";
import { OutsideAddresses, relayAddresses } from "./outside.ts";
import {
  intoTunnel,
  portOutside,
  refusedOtherwise,
  serverOutside,
  throughTunnel,
} from "./policy.ts";
import { parseRoute, type Route } from "./route.ts";

/** How often addresses and the path are looked at, ms. */
const INTERVAL_MS = 1_000;
/** Without a path for so many looks, traffic goes its former way. A change of network is shorter. */
const PATIENCE = 5;

/** What a {@linkcode Tunnel} needs. */
export interface TunnelOptions {
  readonly device: string;
  readonly wish: ClientRoutes;
  /** Names or addresses of the relays in use. */
  readonly relays: readonly string[];
  readonly host: NetworkHost;
  readonly report: Report;
  /** UDP port of our DHT node. */
  readonly dhtPort: () => number;
  /** Whether there is a path to the server at this time. */
  readonly hasPath: () => boolean;
}

/** What a server gave us. */
export interface Given {
  /** The families that we have addresses of. */
  readonly families: readonly IpFamily[];
  /** The names that it offers. */
  readonly names: NameSettings;
}

const NOTHING_GIVEN: Given = { families: [], names: { servers: [], search: [] } };

/**
 * The routes and names that lead a client's traffic through its VPN.
 *
 * ```
 *             open()                  no path for 5 s
 *   closed ───────────▶ open ◀─────────────────────────────▶ withdrawn: traffic goes its former way
 *     ▲                  │ close(): the server has left       path again
 *     └──────────────────┘
 * ```
 *
 * With a kill switch the rules stay from the first open() until end(): what they lead to the tunnel
 * is refused while there is none.
 */
export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #uid = Deno.uid() ?? 0;
  readonly #outside: OutsideAddresses;
  #guard: AppliedPlan | undefined;
  #inside: AppliedPlan[] = [];
  /** What the server gave, while it is there. */
  #given: Given | undefined;
  #looksWithoutPath = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** One change after the other. */
  #work: Promise<void> = Promise.resolve();

  /** Changes nothing yet. */
  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#outside = new OutsideAddresses(options.host, this.#uid);
  }

  /** What {@linkcode open} would do, in its order. @throws {ToolError} as there */
  async plan(given: Given): Promise<NetworkPlan> {
    if (this.#isIdle(given)) return [];
    return [
      ...this.#throughTunnel(given),
      ...this.#outside.plan(),
      ...await this.#guardPlan(given),
      ...await this.#namesPlan(given),
    ];
  }

  /** Throws the kill switch before there is a connection: one is there that was left. */
  arm(): Promise<void> {
    return this.#next(async () => {
      await this.#guardRoutes(NOTHING_GIVEN);
      this.#watch();
    });
  }

  /**
   * Leads traffic into the tunnel.
   *
   * @throws {ToolError} when a route cannot work, or a change fails; then nothing is changed
   */
  open(given: Given): Promise<void> {
    return this.#next(async () => {
      if (this.#isIdle(given)) return;
      this.#given = given;
      this.#looksWithoutPath = 0;
      await this.#lead(given);
      this.#timer ??= setInterval(
        () => this.#next(() => this.#look()).catch(() => {}),
        INTERVAL_MS,
      );
    });
  }

  /** The server has left. */
  close(): Promise<void> {
    return this.#next(async () => {
      this.#given = undefined;
      await this.#withdraw();
    });
  }

  /** Everything is as before, and stays so. */
  end(): Promise<void> {
    clearInterval(this.#timer);
    return this.#next(async () => {
      this.#given = undefined;
      await this.#withdraw();
      await this.#unguard();
    });
  }

  async #lead(given: Given): Promise<void> {
    const { host } = this.#options;
    try {
      this.#inside.push(await AppliedPlan.apply(this.#throughTunnel(given), host));
      await this.#guardRoutes(given);
      this.#inside.push(await AppliedPlan.apply(await this.#namesPlan(given), host));
    } catch (error) {
      await this.#withdraw();
      throw error;
    }
  }

  async #guardRoutes(given: Given): Promise<void> {
    if (this.#guard !== undefined) return;
    await this.#outside.follow();
    this.#guard = await AppliedPlan.apply(await this.#guardPlan(given), this.#options.host);
  }

  #watch(): void {
    this.#timer ??= setInterval(() => this.#next(() => this.#look()).catch(() => {}), INTERVAL_MS);
  }

  async #withdraw(): Promise<void> {
    await this.#inside.pop()?.undo();
    if (!this.#options.wish.killSwitch) await this.#unguard();
    await this.#inside.pop()?.undo();
  }

  async #unguard(): Promise<void> {
    await this.#guard?.undo();
    this.#guard = undefined;
    await this.#outside.undo();
  }

  async #look(): Promise<void> {
    const { hasPath, report, wish } = this.#options;
    if (this.#guard !== undefined) await this.#outside.follow();
    if (this.#given === undefined || wish.killSwitch) return;
    const isLed = this.#inside.length > 0;
    this.#looksWithoutPath = hasPath() ? 0 : this.#looksWithoutPath + 1;
    if (isLed && this.#looksWithoutPath >= PATIENCE) {
      report.notice("no way to the server: traffic goes its former way until there is one");
      await this.#withdraw();
    } else if (!isLed && this.#looksWithoutPath === 0) {
      await this.#lead(this.#given);
      report.notice("there is a way to the server: traffic goes through the VPN again");
    }
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #isIdle(given: Given): boolean {
    const { servers, search } = this.#names(given);
    return this.#routes(given).length + servers.length + search.length === 0;
  }

  #throughTunnel(given: Given): NetworkPlan {
    const { device, wish } = this.#options;
    const routes = this.#routes(given);
    const lost = routes.find(({ family }) => !given.families.includes(family));
    if (lost !== undefined && !wish.isDefault) {
      const text =
        `the server gives no IPv${lost.family} address, so ${lost.network} cannot be reached`;
      throw new ToolError(ExitCode.failure, text);
    }
    return routes.filter(({ family }) => given.families.includes(family))
      .map((route) => throughTunnel(route, device));
  }

  /** A family that the server does not carry must not go around the tunnel, so it is refused. */
  async #guardPlan(given: Given): Promise<NetworkPlan> {
    const { device, wish, relays, dhtPort } = this.#options;
    const routes = this.#routes(given);
    if (routes.length === 0) return [];
    const families = ([4, 6] as const).filter((one) => routes.some(({ family }) => family === one));
    return [
      ...wish.killSwitch ? [killSwitch(device, this.#uid)] : [],
      ...(await relayAddresses(relays)).map(serverOutside),
      ...families.map((family) => portOutside(family, dhtPort(), this.#uid)),
      ...routes.flatMap((route) => intoTunnel(route, device)),
      ...wish.isDefault
        ? families.flatMap((family) =>
          refusedOtherwise(family, device, this.#uid, hostFamilies("lo"))
        )
        : [],
    ];
  }

  async #namesPlan(given: Given): Promise<NetworkPlan> {
    const { device, wish, host, report } = this.#options;
    const plan = await namesPlan(this.#names(given), device, wish.isDefault);
    const writes = plan.some(({ apply }) => "file" in apply);
    if (!writes || !await host.isFileTaken(RESOLV_CONF)) return plan;
    report.notice(`warning: another dvpn has changed ${RESOLV_CONF}, so name servers stay as is`);
    return [];
  }

  /** The user's routes, and those to name servers that the server offers; each of them once. */
  #routes(given: Given): readonly Route[] {
    const { routes, isDefault, takesNames } = this.#options.wish;
    const toNames = isDefault || !takesNames ? [] : given.names.servers.map(parseRoute);
    return [...new Map([...routes, ...toNames].map((one) => [one.network, one])).values()];
  }

  #names({ names: offered }: Given): NameSettings {
    const { names, takesNames } = this.#options.wish;
    if (!takesNames) return names;
    return {
      servers: [...names.servers, ...offered.servers],
      search: names.search.length > 0 ? names.search : offered.search,
    };
  }
}
