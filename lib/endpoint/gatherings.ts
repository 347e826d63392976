import { hostAddresses, type Timer } from "../net/mod.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import { Gathering, type GatheringOptions, type TransportChoice } from "./gathering.ts";

/** A gathering is made ready this long after the last one was taken, ms: the call comes first. */
const PREPARE_DELAY_MS = 50;
/** NATs keep a UDP mapping for 30 s at least (RFC 4787 REQ-5, as routers are), ms. */
const REFRESH_MS = 20_000;

interface Prepared {
  readonly gathering: Promise<Gathering>;
  readonly transports: TransportChoice;
  readonly hosts: string;
}

/**
 * Keeps one gathering ready, so that a call need not wait for its sockets and for STUN: five or six
 * sockets. A listener has one from the start. Who only calls has none, for there is no session yet when
 * the next one would be made ready; but once a session had to look for another path, it has one as
 * long as there are sessions, for whoever has moved once may do so again.
 *
 * ```
 *   prepare() ─▶ ready ──take()──▶ handed out ──50 ms──▶ the next one is made ready
 *                  └── host addresses, mappings or relays changed ──▶ replaced
 * ```
 */
export class Gatherings {
  readonly #options: (transports: TransportChoice) => Promise<GatheringOptions>;
  readonly #clock: GatheringOptions["clock"];
  readonly #interfaces: readonly string[] | undefined;
  readonly #keepReady: () => boolean;
  #prepared: Prepared | undefined;
  readonly #closing = new AbortController();
  /** From the start of each to its end, whoever has it. */
  readonly #lives = new Set<Promise<void>>();
  #timer: Timer | undefined;

  /** @param keepReady whether calls are to be expected, so that readiness is worth its packets */
  constructor(
    options: (transports: TransportChoice) => Promise<GatheringOptions>,
    { clock, interfaces, keepReady }: {
      clock: GatheringOptions["clock"];
      interfaces: readonly string[] | undefined;
      keepReady: () => boolean;
    },
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#interfaces = interfaces;
    this.#keepReady = keepReady;
  }

  /**
   * A gathering for a call that begins now; it belongs to the caller.
   *
   * @throws {ConnectError} `no-network` when no address can be bound; `aborted` when closed
   */
  async take(transports: TransportChoice): Promise<Gathering> {
    this.#throwIfClosed();
    const prepared = this.#prepared;
    this.#prepared = undefined;
    this.#prepareAfter(PREPARE_DELAY_MS, transports);
    if (prepared !== undefined) {
      const gathering = await this.#usable(prepared, transports);
      if (gathering !== undefined) return gathering;
      discard(prepared);
      this.#throwIfClosed();
    }
    return await this.#start(transports);
  }

  /** Makes one ready now. */
  prepare(transports: TransportChoice): void {
    if (this.#closing.signal.aborted) return;
    discard(this.#prepared);
    const gathering = this.#start(transports);
    gathering.catch(() => {}); // take() tries again, and tells
    this.#prepared = { gathering, transports, hosts: this.#hosts() };
    this.#prepareAfter(REFRESH_MS, transports);
  }

  /**
   * Closes the one that is ready, and gives up those that are not yet. Resolves when all are closed,
   * those that were taken among them, which is up to who has them.
   */
  async close(): Promise<void> {
    this.#closing.abort(new ConnectError("aborted", "the endpoint is closed"));
    this.#timer?.cancel();
    discard(this.#prepared);
    this.#prepared = undefined;
    await Promise.all(this.#lives);
  }

  #throwIfClosed(): void {
    const { signal } = this.#closing;
    if (signal.aborted) throw abortedConnect(signal);
  }

  #start(transports: TransportChoice): Promise<Gathering> {
    const { signal } = this.#closing;
    const gathering = this.#options(transports)
      .then((options) => Gathering.start({ ...options, signal }));
    const life = gathering.then(({ closed }) => closed).catch(() => {})
      .finally(() => this.#lives.delete(life));
    this.#lives.add(life);
    return gathering;
  }

  #prepareAfter(delayMs: number, transports: TransportChoice): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(this.#clock.now() + delayMs, () => this.#renew(transports));
  }

  async #renew(transports: TransportChoice): Promise<void> {
    const prepared = this.#prepared;
    if (prepared !== undefined && this.#keepReady()) {
      const gathering = await this.#usable(prepared, transports);
      if (this.#prepared !== prepared) return;
      if (gathering !== undefined) {
        gathering.refresh();
        return this.#prepareAfter(REFRESH_MS, transports);
      }
    }
    discard(prepared);
    this.#prepared = undefined;
    if (this.#keepReady()) this.prepare(transports);
  }

  async #usable(
    { gathering, transports, hosts }: Prepared,
    wanted: TransportChoice,
  ): Promise<Gathering | undefined> {
    const fits = transports.tcp === wanted.tcp && transports.udp === wanted.udp &&
      (transports.relay ?? true) === (wanted.relay ?? true) && hosts === this.#hosts();
    const ready = fits ? await gathering.catch(() => undefined) : undefined;
    return ready?.isStale ? undefined : ready;
  }

  #hosts(): string {
    const interfaces = this.#interfaces;
    return hostAddresses(interfaces === undefined ? {} : { interfaces }).map(({ ip }) => ip).join();
  }
}

async function discard(prepared: Prepared | undefined): Promise<void> {
  await prepared?.gathering.then((gathering) => gathering.close(), () => {});
}
