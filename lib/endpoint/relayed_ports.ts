import { getLogger } from "@logtape/logtape";
import { equalSocketAddress, type IpFamily, ipFamily, type SocketAddress } from "../ip/mod.ts";
import type { Clock } from "../net/mod.ts";
import { allocateRelay, type TurnRelay, type TurnServer } from "./relay/mod.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["dhtnet", "ice"]);

/** A relayed IPv4 address does not wait longer for an IPv6 one, ms. */
const SECOND_TIMEOUT_MS = 50;

/** What {@linkcode RelayedPorts} takes. */
export interface RelayedPortOptions {
  /** TURN servers, in the order of preference. */
  readonly turnServers: readonly TurnServer[];
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** A relayed address, which is a port like others. */
  readonly onFound: (relay: TurnRelay) => void;
  /** A relay is lost, or was not to be had. */
  readonly onLost: () => void;
}

/** Addresses on TURN servers that are ours. */
export class RelayedPorts {
  /** Why there is none. */
  readonly errors: string[] = [];
  readonly #options: RelayedPortOptions;
  readonly #relays = new Set<TurnRelay>();
  readonly #closing = new AbortController();

  /** Asks nobody yet. */
  constructor(options: RelayedPortOptions) {
    this.#options = options;
  }

  /**
   * Asks for a relayed IPv4 address, and for an IPv6 one where that is wanted, too: in an allocation
   * of its own, since coturn 4.6 ignores ADDITIONAL-ADDRESS-FAMILY. Resolves when that has come to
   * an end.
   *
   * @param localAddresses leave only from these; from any when absent
   */
  async allocate(with6: boolean, localAddresses: readonly string[] | undefined): Promise<void> {
    const second = with6 ? this.#allocate(6, localAddresses) : undefined;
    await this.#allocate(4, localAddresses);
    if (second === undefined) return;
    // Many servers have no IPv6, which takes longer to find out than what they do have.
    const { clock } = this.#options, { signal } = this.#closing;
    await Promise.race([second, sleep(clock, SECOND_TIMEOUT_MS, signal)]);
  }

  /** Whether a port is one of these. */
  has(port: { readonly local: SocketAddress }): boolean {
    return this.#relays.values().some((relay) => relay === port);
  }

  /** The relay of a base, which belongs to the caller from now on. */
  take(base: SocketAddress): TurnRelay | undefined {
    const relay = this.#relays.values().find(({ local }) => equalSocketAddress(local, base));
    if (relay !== undefined) this.#relays.delete(relay);
    return relay;
  }

  /** Lets an address in, before it is heard of. */
  permit(ip: string): void {
    for (const relay of this.#relays) {
      if (ipFamily(relay.local.ip) === ipFamily(ip)) relay.permit(ip);
    }
  }

  /** Gives up what is asked for still; what has been found is the business of who has it. */
  close(): void {
    this.#closing.abort();
  }

  async #allocate(family: IpFamily, localAddresses: readonly string[] | undefined): Promise<void> {
    const { clock, random, turnServers: servers, onFound, onLost } = this.#options;
    const { signal } = this.#closing;
    try {
      const common = { servers, localAddresses, clock, random, signal };
      const relay = await allocateRelay({ ...common, family });
      if (signal.aborted) return void relay.close();
      relay.onLost = (error) => {
        log.info("the relay {address} is lost: {error}", { address: relay.address.ip, error });
        onLost();
      };
      this.#relays.add(relay);
      onFound(relay);
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      if (family === 6) return log.debug("no IPv6 relay: {reason}", { reason });
      log.warn("no IPv4 relay: {reason}", { reason });
      this.errors.push(reason);
      onLost(); // the next call may have more luck
    }
  }
}
