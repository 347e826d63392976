import { getLogger } from "@logtape/logtape";
import type { SocketAddress } from "../ip/mod.ts";
import { type Clock, resolveHost } from "../net/mod.ts";
import { type HostPort, parseHostPort } from "./bootstrap_names.ts";
import type { EndpointOptions } from "./options.ts";

const log = getLogger(["dhtnet", "ice"]);

/** STUN over UDP (RFC 8489 §18.6). */
const DEFAULT_STUN_PORT = 3478;
/** Addresses are looked up again after this time, ms. */
const FRESH_MS = 10 * 60_000;
/** A name that could not be resolved is tried again after this time, ms. */
const RETRY_MS = 5_000;
/** Longest look-up, ms. */
const LOOK_UP_TIMEOUT_MS = 3_000;

/** The addresses of configured servers, both families, looked up ahead of need and remembered. */
export class ServerNames {
  readonly #hosts: readonly HostPort[];
  readonly #clock: Clock;
  #addresses: readonly SocketAddress[] = [];
  #lookUp: Promise<void> | undefined;
  #staleAt = -Infinity;

  /** Looks nothing up yet. */
  constructor(hosts: readonly HostPort[], clock: Clock) {
    this.#hosts = hosts;
    this.#clock = clock;
  }

  /** What is known; waits for the first look-up only. */
  async addresses(): Promise<readonly SocketAddress[]> {
    if (this.#hosts.length === 0) return [];
    if (this.#clock.now() >= this.#staleAt) this.#lookUp ??= this.#resolveAll();
    if (this.#addresses.length === 0) await this.#lookUp;
    return this.#addresses;
  }

  async #resolveAll(): Promise<void> {
    const found = await Promise.all(this.#hosts.map(async ({ host, port }) => {
      try {
        const ips = await resolveHost(host, { timeoutMs: LOOK_UP_TIMEOUT_MS });
        return ips.map((ip) => ({ ip, port }));
      } catch (error) {
        log.warn("{host}: {error}", { host, error: String(error) });
        return [];
      }
    }));
    const addresses = found.flat();
    if (addresses.length > 0) this.#addresses = addresses;
    this.#staleAt = this.#clock.now() + (addresses.length > 0 ? FRESH_MS : RETRY_MS);
    this.#lookUp = undefined;
  }
}

/** The STUN servers; TURN servers over UDP are such servers, too (RFC 8656 §2.1). */
export function stunHosts({ stun = [], turn = [] }: EndpointOptions): HostPort[] {
  const relays = turn.filter(({ transport = "udp" }) => transport === "udp");
  const hosts = [
    ...stun.map((text) => parseHostPort(text, DEFAULT_STUN_PORT)),
    ...relays.map(({ host, port = DEFAULT_STUN_PORT }) => ({ host, port })),
  ];
  return [...new Map(hosts.map((one) => [`${one.host} ${one.port}`, one])).values()];
}
