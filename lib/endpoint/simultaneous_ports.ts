/**
 * Ports for simultaneous TCP open: each side dials the other's port from its own, so that both NATs
 * let the other's SYN in (RFC 6544 §5.2, tcptype "so").
 *
 * ```
 *   private address ─┬─ UDP gets out ─▶ the public IP that is seen there, and the same port
 *                    └─ locate() ─▶ STUN over TCP ─▶ mapped address, kept while that connection lives
 *                                        └─ no answer ─▶ the public IP that the DHT sees
 *   public address ──▶ itself: there may be a firewall in front of it
 * ```
 *
 * The port itself is not bound until it is dialled from: a socket that listens there would keep
 * the system from dialling from it (EADDRINUSE).
 * @module
 */
import { getLogger } from "@logtape/logtape";
import {
  equalSocketAddress,
  formatSocketAddress,
  ipFamily,
  ipScope,
  type SocketAddress,
} from "../ip/mod.ts";
import type { Clock } from "../net/mod.ts";
import { StunConnection } from "./stun_connection.ts";

const log = getLogger(["dhtnet", "ice"]);

/** Addresses of the host that get such a port at most. */
const MAX_PORTS = 4;
/** Servers that are asked, one after the other, for each port at most. */
const MAX_SERVERS = 2;

/** What stands for the server of an address that was guessed. */
const GUESSED = "guess";

/** What {@linkcode SimultaneousPorts} takes. */
export interface SimultaneousPortOptions {
  /** STUN servers, both families. */
  readonly stunServers: readonly SocketAddress[];
  /** Our public IPv4 address as others see it, as soon as that is known. */
  readonly publicIp: (signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** A port and where it appears; without a server, on an address that needs none. */
  readonly onFound: (base: SocketAddress, mapped: SocketAddress, server?: string) => void;
  /** What was found before is wrong now. */
  readonly onMoved: () => void;
}

interface OpenPort {
  base: SocketAddress;
  mapped: SocketAddress | undefined;
  /** Keeps the NAT's mapping. */
  keeper: StunConnection | undefined;
}

/** One port for each address of ours, and where the world sees it. */
export class SimultaneousPorts {
  readonly #options: SimultaneousPortOptions;
  readonly #ports = new Map<string, OpenPort>();
  readonly #closing = new AbortController();

  /** Opens none yet. */
  constructor(options: SimultaneousPortOptions) {
    this.#options = options;
  }

  /**
   * Finds out where a port of each of these addresses appears: at once where it needs nobody's
   * help. Resolves when all is known that can be.
   */
  async locate(ips: readonly string[]): Promise<void> {
    await Promise.all(ips.filter(isUsable).map((ip) => this.#locate(ip)));
  }

  /** A UDP port of this address appears at a public IP: ours will, too, and keep its number. */
  guess(ip: string, publicIp: string): void {
    const port = isUsable(ip) && ipScope(ip) === "private" ? this.#port(ip) : undefined;
    if (port === undefined || port.keeper !== undefined || !reserve(port)) return;
    this.#found(port, { ip: publicIp, port: port.base.port }, GUESSED);
  }

  /** Asks again for the ports whose connection to the server is gone. */
  async refresh(): Promise<void> {
    const lost = this.#ports.values().filter(({ keeper }) => keeper?.isOpen === false);
    await this.locate([...lost.map(({ base }) => base.ip)]);
  }

  /** Lets the mappings go. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#ports.values().map(({ keeper }) => keeper?.close()));
  }

  async #locate(ip: string): Promise<void> {
    const port = this.#port(ip), { signal } = this.#closing;
    if (port === undefined || port.keeper?.isOpen) return;
    if (ipScope(ip) === "global") {
      if (reserve(port)) this.#found(port, port.base);
      return;
    }
    if (await this.#askServers(port) || signal.aborted) return;
    const publicIp = await this.#options.publicIp(signal);
    if (publicIp !== undefined && !signal.aborted) this.guess(ip, publicIp);
  }

  async #askServers(port: OpenPort): Promise<boolean> {
    const { stunServers, clock, random } = this.#options, { signal } = this.#closing;
    const servers = stunServers.filter(({ ip }) =>
      ipFamily(ip) === ipFamily(port.base.ip) && ipScope(ip) !== "loopback"
    );
    for (const server of servers.slice(0, MAX_SERVERS)) {
      try {
        const options = { local: port.base, clock, random, signal };
        const keeper = await StunConnection.open(server, options);
        if (signal.aborted) await keeper.close();
        port.keeper = keeper;
      } catch { // not every STUN server does TCP
        continue;
      }
      port.base = port.keeper.local;
      this.#found(port, port.keeper.mapped, formatSocketAddress(server));
      return true;
    }
    return false;
  }

  #port(ip: string): OpenPort | undefined {
    const known = this.#ports.get(ip);
    if (known !== undefined || this.#ports.size >= MAX_PORTS) return known;
    const port = { base: { ip, port: 0 }, mapped: undefined, keeper: undefined };
    this.#ports.set(ip, port);
    return port;
  }

  #found(port: OpenPort, mapped: SocketAddress, server?: string): void {
    const before = port.mapped;
    if (this.#closing.signal.aborted) return;
    if (before !== undefined && equalSocketAddress(before, mapped)) return;
    port.mapped = mapped;
    if (before !== undefined) this.#options.onMoved();
    this.#options.onFound(port.base, mapped, server);
  }
}

/** Private IPv6 addresses are left out: nobody translates them to ones that could be guessed. */
function isUsable(ip: string): boolean {
  const scope = ipScope(ip);
  return scope === "global" || scope === "private" && ipFamily(ip) === 4;
}

/** Chooses a port that is free now, and so will be when it is dialled from in a moment. */
function reserve(port: OpenPort): boolean {
  const { ip } = port.base;
  if (port.base.port !== 0) return true;
  try {
    const listener = Deno.listen({ hostname: ip, port: 0 });
    listener.close();
    port.base = { ip, port: listener.addr.port };
    return true;
  } catch (error) {
    log.info("no simultaneous open from {ip}: {error}", { ip, error });
    return false;
  }
}
