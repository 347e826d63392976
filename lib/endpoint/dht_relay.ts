import { getLogger } from "@logtape/logtape";
import { type Clock, hostAddresses } from "../net/mod.ts";
import type { DhtService } from "./dht_service.ts";
import { allocateRelay, type TurnRelay, type TurnServer } from "./relay/mod.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["dhtnet", "dht"]);

/** Nodes have this long to answer once they have been asked, ms: more than most round trips. */
const SILENCE_MS = 300;
/** A network that has not even told their addresses by then is tried over a relay, too, ms. */
const UNASKED_MS = 1_500;
/** Without a relay, the next attempt to get one comes after this time, ms. */
const RETRY_MS = 5_000;

/** What {@linkcode DhtRelay} takes. */
export interface DhtRelayOptions {
  readonly dht: DhtService;
  /** In the order of preference. */
  readonly servers: readonly TurnServer[];
  readonly interfaces: readonly string[] | undefined;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
}

/**
 * Reaches the DHT over a relay where UDP does not get out.
 *
 * ```
 *   nodes asked ─▶ 300 ms of silence ─▶ relay allocated, by TCP ─▶ in use ── lost ─▶ another one
 *        ▲ └── an answer ─▶ none needed, until all nodes are silent     │
 *        └──────────────────── network changed ─────────────────────────┘
 * ```
 */
export class DhtRelay {
  readonly #options: DhtRelayOptions;
  #running = new AbortController();

  /** Begins to watch. */
  constructor(options: DhtRelayOptions) {
    this.#options = options;
    this.#run(this.#running.signal);
  }

  /** Begins anew: in another network UDP may get out. */
  networkChanged(): void {
    this.close();
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  /** Ends it; a relay in use is given back. */
  close(): void {
    this.#running.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { dht, clock } = this.#options;
    // What the DHT knew over a relay that is lost does not show that it is reached without.
    let lost = false;
    const needed = () => !signal.aborted && (lost || dht.status().status !== "connected");
    while (!signal.aborted) {
      if (!lost) await this.#silence(signal);
      if (!needed()) {
        await this.#statusChange(signal);
        continue;
      }
      const relay = await this.#allocate(signal);
      const used = relay !== undefined && needed();
      if (used) await this.#use(relay, signal);
      else if (relay !== undefined) relay.close();
      else await sleep(clock, RETRY_MS, signal);
      lost = used;
    }
  }

  /** The time that nodes have to answer, once they have been asked. */
  async #silence(signal: AbortSignal): Promise<void> {
    const { dht, clock } = this.#options;
    await Promise.race([dht.asked, sleep(clock, UNASKED_MS, signal)]);
    await sleep(clock, SILENCE_MS, signal);
  }

  async #statusChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const changed = Promise.withResolvers<void>();
    const forget = this.#options.dht.onStatusChange(changed.resolve);
    signal.addEventListener("abort", () => changed.resolve(), { once: true });
    await changed.promise;
    forget();
  }

  async #use(relay: TurnRelay, signal: AbortSignal): Promise<void> {
    const { dht } = this.#options;
    const over = Promise.withResolvers<void>();
    relay.onLost = (error) => {
      log.warn("the relay of the DHT is lost: {error}", { error: error.message });
      over.resolve();
    };
    signal.addEventListener("abort", () => over.resolve(), { once: true });
    dht.useRelay(relay);
    await over.promise;
    dht.useRelay(undefined);
  }

  /** By TCP, where the choice is ours: UDP has just been silent. */
  async #allocate(signal: AbortSignal): Promise<TurnRelay | undefined> {
    const { servers, interfaces, clock, random } = this.#options;
    try {
      return await allocateRelay({
        servers: servers.map((server) => ({ ...server, transport: server.transport ?? "tcp" })),
        localAddresses: interfaces && hostAddresses({ interfaces }).map(({ ip }) => ip),
        clock,
        random,
        signal,
      });
    } catch (error) {
      if (!signal.aborted) log.warn("no relay for the DHT: {error}", { error: String(error) });
      return undefined;
    }
  }
}
