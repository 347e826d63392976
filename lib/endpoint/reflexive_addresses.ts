/**
 * Where our UDP ports appear outside of our NATs.
 *
 * ```
 *   ask() ──▶ STUN servers answer ──▶ onFound; again at every ask(), onMoved when it is another
 *        └──▶ none has, by guess()──▶ onFound: the public IP that the DHT sees, and our own port
 * ```
 * @module
 */
import {
  equalSocketAddress,
  formatSocketAddress,
  ipFamily,
  ipScope,
  type SocketAddress,
} from "../ip/mod.ts";
import type { Clock } from "../net/mod.ts";
import type { DatagramPort, NatView } from "./datagram_port.ts";
import { ReflexiveQuery } from "./reflexive.ts";

/** Ports for which an address is guessed at most: peers send to every one that we name. */
const MAX_GUESSES = 4;
/** What stands for the server of an address that was guessed. */
export const GUESSED = "dht";

/** What {@linkcode ReflexiveAddresses} takes. */
export interface ReflexiveOptions {
  /** STUN servers, both families. */
  readonly stunServers: readonly SocketAddress[];
  /** Our public IPv4 address as others see it, as soon as that is known. */
  readonly publicIp: (signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** An address of a port, new or in place of a former one. */
  readonly onFound: (port: DatagramPort, mapped: SocketAddress, server: string) => void;
  /** What was found before is wrong now. */
  readonly onMoved: () => void;
}

/**
 * Asks STUN servers where our ports appear. Without their answer there is a guess: most NATs keep a
 * port's number where they can, and the DHT's nodes see our IP. A node that lies about it costs
 * nothing but a candidate that does not work; {@link MAX_GUESSES} bounds those.
 */
export class ReflexiveAddresses {
  readonly #options: ReflexiveOptions;
  readonly #queries = new Map<DatagramPort, ReflexiveQuery[]>();
  readonly #views = new Map<DatagramPort, SocketAddress[]>();
  readonly #mapped = new Map<DatagramPort, SocketAddress>();
  readonly #closing = new AbortController();
  #asked: Promise<void> | undefined;
  #seenAs: string | undefined;
  #guessed = false;
  #guessFor: readonly DatagramPort[] = [];

  /** Asks nobody yet. */
  constructor(options: ReflexiveOptions) {
    this.#options = options;
  }

  /** A port behind a NAT, the address that the world sees, and whether all the world sees the same. */
  get natView(): NatView | undefined {
    for (const [port, views] of this.#views) {
      const [first, second] = views;
      if (first === undefined || ipFamily(first.ip) !== 4) continue;
      if (equalSocketAddress(first, port.local)) continue;
      if (second === undefined) return { port, mapped: first, mapping: "unknown" };
      const independent = views.every((view) => equalSocketAddress(view, first));
      return { port, mapped: first, mapping: independent ? "independent" : "dependent" };
    }
    return undefined;
  }

  /**
   * Asks from every port that can reach a server, in place of earlier questions.
   *
   * @param bothPorts wait for the servers' second ports, too, which tell what kind of NAT it is
   * @returns one promise for each question, all settled after a second; the DHT's answer among them
   *   when nobody else can be asked
   */
  ask(ports: readonly DatagramPort[], bothPorts: boolean): Promise<void>[] {
    this.#stop();
    const asked: Promise<void>[] = [];
    for (const port of ports) {
      const servers = this.#options.stunServers.filter(({ ip }) => canReach(port.local.ip, ip));
      if (servers.length === 0) continue;
      asked.push(this.#ask(port, servers, true));
      // A server's second port, where it has one, shows whether the mapping depends on the
      // destination (RFC 5780 §4.3). That matters where a direct path is looked for in earnest.
      const second = servers.map(({ ip, port }) => ({ ip, port: port + 1 }));
      const answered = this.#ask(port, second, false);
      if (bothPorts) asked.push(answered);
    }
    if (guessable(ports).length > 0) this.#asked ??= this.#askDht();
    return asked.length === 0 && this.#asked !== undefined ? [this.#asked] : asked;
  }

  /**
   * No server has answered for these ports yet, so that a guess is worth a try: at once when the
   * DHT has told our address, else as soon as it does.
   */
  guess(ports: readonly DatagramPort[]): void {
    this.#guessFor = guessable(ports);
    this.#makeGuesses();
  }

  /** Takes a datagram of a port; false when it is for somebody else. */
  take(port: DatagramPort, bytes: Uint8Array, from: SocketAddress): boolean {
    return this.#queries.get(port)?.some((query) => query.take(bytes, from)) ?? false;
  }

  /** Asks no more, and calls back no more. */
  close(): void {
    this.#closing.abort();
    this.#stop();
  }

  #ask(port: DatagramPort, servers: readonly SocketAddress[], counts: boolean): Promise<void> {
    const query = new ReflexiveQuery(port, servers, this.#options, ({ mapped, server }) => {
      this.#views.set(port, [...this.#views.get(port) ?? [], mapped]);
      if (counts) this.#learn(port, mapped, formatSocketAddress(server));
    });
    this.#queries.set(port, [...this.#queries.get(port) ?? [], query]);
    return query.done;
  }

  #learn(port: DatagramPort, mapped: SocketAddress, server: string): void {
    const before = this.#mapped.get(port);
    if (before !== undefined && equalSocketAddress(before, mapped)) return;
    this.#mapped.set(port, mapped);
    if (before !== undefined) this.#options.onMoved();
    this.#options.onFound(port, mapped, server);
  }

  async #askDht(): Promise<void> {
    const ip = await this.#options.publicIp(this.#closing.signal);
    this.#asked = undefined;
    if (ip === undefined || ip === this.#seenAs || this.#closing.signal.aborted) return;
    if (this.#guessed) this.#options.onMoved();
    this.#seenAs = ip;
    this.#makeGuesses();
  }

  #makeGuesses(): void {
    if (this.#seenAs === undefined) return;
    for (const port of this.#guessFor) {
      if (this.#mapped.has(port)) continue;
      this.#guessed = true;
      this.#options.onFound(port, { ip: this.#seenAs, port: port.local.port }, GUESSED);
    }
  }

  #stop(): void {
    for (const query of [...this.#queries.values()].flat()) query.close();
    this.#queries.clear();
    this.#views.clear();
  }
}

/** Behind an IPv4 NAT. */
function guessable(ports: readonly DatagramPort[]): DatagramPort[] {
  return ports.filter(({ local: { ip } }) => ipFamily(ip) === 4 && ipScope(ip) === "private")
    .slice(0, MAX_GUESSES);
}

function canReach(from: string, to: string): boolean {
  return ipFamily(from) === ipFamily(to) &&
    (ipScope(from) === "loopback") === (ipScope(to) === "loopback");
}
