/**
 * Turns the configured bootstrap names into addresses, again and again while they are needed.
 *
 * ```
 * start ──▶ resolving ──addresses──▶ told ──▶ waiting ──DHT still not connected──▶ resolving
 *               └──────no answer─────────────────┘  2 s, doubling to 10 min
 * ```
 * @module
 */
import { isIp, type SocketAddress } from "../ip/mod.ts";
import { type Clock, resolveHost, type Timer } from "../net/mod.ts";

/** OpenDHT's port. */
export const DEFAULT_DHT_PORT = 4222;
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 10 * 60_000;

/** A host and port as configured. */
export interface HostPort {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a bare IPv6 address.
 *
 * @throws {TypeError} when the text is none of these
 */
export function parseHostPort(text: string, defaultPort: number = DEFAULT_DHT_PORT): HostPort {
  if (text.includes(":") && isIp(text)) return { host: text, port: defaultPort };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  const bracketed = match?.[1];
  const sound = match !== null && port > 0 && port < 65_536 &&
    (bracketed === undefined || (bracketed.includes(":") && isIp(bracketed)));
  if (!sound) throw new TypeError(`not a host, host:port or [ipv6]:port: ${JSON.stringify(text)}`);
  return { host: bracketed ?? match[2]!, port };
}

/** What {@linkcode BootstrapNames} needs of its owner. */
export interface BootstrapNamesOptions {
  /** What was configured. */
  readonly hosts: readonly HostPort[];
  /** Wakes it. */
  readonly clock: Clock;
  /** Whether addresses are still wanted. */
  readonly needed: () => boolean;
  /** Addresses not told before. */
  readonly onAddresses: (addresses: SocketAddress[]) => void;
  /** A name has no address now; it will be tried again. */
  readonly onFailure: (host: string, reason: unknown) => void;
}

/** One chain of look-ups for each name; none waits for another. */
export class BootstrapNames {
  readonly #options: BootstrapNamesOptions;
  readonly #told = new Set<string>();
  readonly #unresolved = new Set<string>();
  readonly #timers = new Map<HostPort, Timer>();
  readonly #abort = new AbortController();

  /** Begins at once. */
  constructor(options: BootstrapNamesOptions) {
    this.#options = options;
    const literals = options.hosts.filter(({ host }) => isIp(host));
    if (literals.length > 0) this.#tell(literals.map(({ host, port }) => ({ ip: host, port })));
    for (const name of options.hosts) {
      if (isIp(name.host)) continue;
      this.#unresolved.add(name.host);
      this.#resolve(name, FIRST_RETRY_MS);
    }
  }

  /** Names that have had no address so far. */
  get unresolved(): readonly string[] {
    return [...this.#unresolved];
  }

  /** Ends all look-ups. */
  close(): void {
    this.#abort.abort();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  async #resolve(name: HostPort, retryMs: number): Promise<void> {
    const { clock, needed, onFailure } = this.#options, { signal } = this.#abort;
    try {
      const found = await resolveHost(name.host, { signal });
      if (signal.aborted) return;
      this.#unresolved.delete(name.host);
      this.#tell(found.map((ip) => ({ ip, port: name.port })));
    } catch (error) {
      if (signal.aborted) return;
      onFailure(name.host, error);
    }
    const again = () => {
      if (needed()) this.#resolve(name, Math.min(retryMs * 2, MAX_RETRY_MS));
      else this.#timers.set(name, clock.setTimer(clock.now() + MAX_RETRY_MS, again));
    };
    this.#timers.set(name, clock.setTimer(clock.now() + retryMs, again));
  }

  #tell(addresses: SocketAddress[]): void {
    const fresh = addresses.filter(({ ip, port }) => !this.#told.has(`${ip}/${port}`));
    for (const { ip, port } of fresh) this.#told.add(`${ip}/${port}`);
    if (fresh.length > 0) this.#options.onAddresses(fresh);
  }
}
