import { type IpFamily, ipFamily } from "../../lib/ip/mod.ts";
import { everyHostAddress, isOnLink } from "../../lib/net/host_addresses.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { explainFailure, failureMessage } from "../peer/failure.ts";
import { describePath } from "../peer/report.ts";
import { formatInterfaceAddress, type InterfaceAddress } from "./address/address_range.ts";
import { AddressFilter } from "./data/address_filter.ts";
import { exchangePackets } from "./data/exchange_packets.ts";
import { FrameError } from "./data/frame.ts";
import { decodeServerGreeting, encodeGreeting, type ServerGreeting } from "./data/greeting.ts";
import { rehearsePackets } from "./data/rehearsal.ts";
import { type ServerLink, ServerRoute } from "./data/server_route.ts";
import { Uplink } from "./data/uplink.ts";
import { interfacePlan } from "./plan/interface_plan.ts";
import { AppliedPlan, type NetworkPlan } from "./plan/network_plan.ts";
import type { Given, Tunnel } from "./route/tunnel.ts";
import { PacketGate } from "./rules/packet_gate.ts";
import type { VpnStatus } from "./status.ts";
import { runUpScript } from "./up_script.ts";
import {
  peerLink,
  permissionsFor,
  remoteAddress,
  tellFailure,
  VPN_CHANNEL,
  type VpnContext,
} from "./vpn_context.ts";

/** Waits between attempts to come back, ms: the first, and the longest. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** The server as long as it is there. */
interface Connected extends ServerLink {
  readonly greeting: ServerGreeting;
}

/**
 * The client's side: what the kernel sends from the address that the server gave goes to the server.
 *
 * ```
 *            first attempt fails: that is thrown
 *   connect ──▶ connected: addresses set ──server gone──▶ undone ──retry──▶ connect …
 * ```
 */
export class VpnClient {
  readonly #context: VpnContext;
  readonly #uplink: Uplink;
  readonly #serverId: string;
  readonly #timeoutMs: number | undefined;
  readonly #tunnel: Tunnel;
  readonly #route = new ServerRoute();
  #connected: Connected | undefined;

  /**
   * @param tunnel what goes through the VPN; it belongs to the client
   * @param timeoutMs longest time to connect; undefined leaves it to the endpoint
   */
  constructor(
    context: VpnContext,
    serverId: string,
    tunnel: Tunnel,
    timeoutMs: number | undefined,
  ) {
    this.#context = context;
    this.#uplink = new Uplink(context.device, this.#route);
    this.#serverId = serverId;
    this.#timeoutMs = timeoutMs;
    this.#tunnel = tunnel;
  }

  /**
   * Takes part until the signal.
   *
   * @throws {ToolError} when the server cannot be reached at first, or refuses, or the interface
   *   cannot be set up; the signal's reason
   */
  async run(): Promise<never> {
    try {
      return await this.#stay();
    } finally {
      await this.#tunnel.end();
    }
  }

  async #stay(): Promise<never> {
    const { report, signal } = this.#context;
    const broken = Promise.withResolvers<never>();
    broken.promise.catch(() => {});
    this.#uplink.run().catch(broken.reject);
    let retryMs = 0;
    for (;;) {
      try {
        await Promise.race([this.#meet((connected) => this.#exchange(connected)), broken.promise]);
        signal.throwIfAborted();
        retryMs = FIRST_RETRY_MS;
        report.notice("the server has left; trying to come back");
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const isLasting = error instanceof ToolError && error.exitCode === ExitCode.refused;
        if (retryMs === 0 || isLasting) throw error;
        tellFailure(report, this.#serverId, error);
      }
      await Promise.race([pause(retryMs, signal), broken.promise]);
      retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
    }
  }

  /** What it is doing. */
  status(): VpnStatus {
    const { device, settings, endpoint } = this.#context;
    const connected = this.#connected;
    return {
      role: "client",
      id: endpoint.id,
      device: device.name,
      mtu: connected?.greeting.mtu ?? settings.mtu,
      addresses: connected?.greeting.client.map(formatInterfaceAddress) ?? [],
      unreachable: this.#route.unreachable,
      peers: connected === undefined ? [] : [{
        link: connected.link,
        addresses: connected.greeting.server.map(({ ip }) => ip),
      }],
    };
  }

  /** What the interface would be: asks the server, and leaves. @throws as {@linkcode VpnClient.run} */
  async plan(): Promise<NetworkPlan> {
    return await this.#meet(async ({ greeting }) => [
      ...this.#planFor(greeting),
      ...await this.#tunnel.plan(given(greeting)),
    ]);
  }

  #planFor({ mtu, client, server }: ServerGreeting): NetworkPlan {
    const { device, settings } = this.#context;
    return interfacePlan({
      device: device.name,
      mtu: Math.min(mtu, settings.mtu),
      addresses: client,
      reach: server.map(alone),
    });
  }

  /** One connection, from its beginning until the work with it is done. */
  async #meet<T>(work: (connected: Connected) => Promise<T>): Promise<T> {
    const { endpoint, device, settings, families, signal } = this.#context;
    const limit = this.#timeoutMs === undefined ? {} : { timeoutMs: this.#timeoutMs };
    const channel = await endpoint.connect(this.#serverId, VPN_CHANNEL, { signal, ...limit })
      .catch((error) => {
        throw signal.aborted ? signal.reason : explainFailure(error);
      });
    const link = peerLink(this.#context, this.#serverId, channel);
    const stop = () => link.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const { mtu } = settings;
      const direct = link.datagrams.direct?.offer;
      await link.greet(encodeGreeting({ mtu, segmentsUdp: device.segmentsUdp, direct }));
      const greeting = ofFamilies(decodeServerGreeting(await link.greeting()), families);
      link.hear(greeting.direct);
      // Its own addresses lead to it one by one, wherever they are.
      refuseOverlap([...greeting.client, ...greeting.server.map(alone)]);
      const gate = new PacketGate(permissionsFor(this.#context, this.#serverId));
      return await work({ link, greeting, own: new AddressFilter(greeting.client), gate });
    } catch (error) {
      if (error instanceof FrameError) {
        throw new ToolError(ExitCode.failure, error.message, { cause: error });
      }
      throw signal.aborted ? signal.reason : explainFailure(error);
    } finally {
      signal.removeEventListener("abort", stop);
      link.close();
    }
  }

  /** Until the server ends it or is lost. */
  async #exchange(connected: Connected): Promise<void> {
    const { endpoint, device, settings, host, report, signal } = this.#context;
    const { link, greeting, own, gate } = connected;
    const plan = await AppliedPlan.apply(this.#planFor(greeting), host);
    this.#connected = connected;
    this.#route.lead(connected);
    try {
      await this.#tunnel.open(given(greeting));
      report.notice(
        `connected over ${describePath(endpoint, link.id)}: we have ` +
          `${greeting.client.map(({ ip }) => ip).join(" and ")}, the server ` +
          greeting.server.map(({ ip }) => ip).join(" and "),
      );
      if (link.datagrams.direct !== undefined) void rehearsePackets(signal);
      if (settings.script !== undefined) {
        await runUpScript(settings.script, {
          device: device.name,
          own: greeting.client,
          peer: greeting.server,
          remote: remoteAddress(endpoint, link.id),
          isClient: true,
        }, signal);
      }
      const admission = { notFrom: own, to: own, gate };
      await exchangePackets(link, device, this.#uplink, admission).catch((error) => {
        // It was there and is lost: that is for coming back.
        if (error instanceof FrameError || error instanceof ToolError) throw error;
        report.detail(failureMessage(error));
      });
    } finally {
      this.#connected = undefined;
      this.#route.lead(undefined);
      await this.#tunnel.close();
      await plan.undo();
    }
  }
}

/** What the server gave, as far as this host can use it. @throws {ToolError} when that is nothing */
function ofFamilies(greeting: ServerGreeting, families: readonly IpFamily[]): ServerGreeting {
  const isUsable = ({ family }: InterfaceAddress) => families.includes(family);
  const client = greeting.client.filter(isUsable);
  if (client.length === 0) {
    const reason = "the server gives IPv6 addresses alone, and IPv6 is switched off on this host";
    throw new ToolError(ExitCode.failure, reason);
  }
  const { servers = [], search = [] } = greeting.names ?? {};
  return {
    ...greeting,
    client,
    server: greeting.server.filter(isUsable),
    names: { servers: servers.filter((ip) => families.includes(ipFamily(ip))), search },
  };
}

/** What routes and names depend on. */
function given({ client, names = { servers: [], search: [] } }: ServerGreeting): Given {
  return { families: client.map(({ family }) => family), names };
}

/** An address without the others of its network. */
function alone(address: InterfaceAddress): InterfaceAddress {
  return { ...address, prefix: address.family === 4 ? 32 : 128 };
}

/** A server may not take over a network that this host is in, nor a part of one. */
function refuseOverlap(addresses: readonly InterfaceAddress[]): void {
  for (const here of everyHostAddress()) {
    for (const given of addresses) {
      const shorter = { ...here, prefix: Math.min(here.prefix, given.prefix) };
      if (!isOnLink(given.ip, shorter)) continue;
      throw new ToolError(
        ExitCode.failure,
        `the server's network ${formatInterfaceAddress(given)} overlaps that of ${here.name}, ` +
          `${here.ip}/${here.prefix}: another one can be given to it by --range`,
      );
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
