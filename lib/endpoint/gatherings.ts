import { hostAddresses, type Timer } from "../net/mod.ts";
import { Gathering, type GatheringOptions, type TransportChoice } from "./gathering.ts";

/** A gathering is made ready this long after the last one was taken, ms: the call comes first. */
const PREPARE_DELAY_MS = 50;
/** NATs keep a UDP mapping for 30 s at least (RFC 4787 REQ-5), so no gathering waits longer, ms. */
const MAX_AGE_MS = 20_000;

interface Prepared {
  readonly gathering: Promise<Gathering>;
  readonly transports: TransportChoice;
  readonly hosts: string;
  readonly at: number;
}

/**
 * Keeps one gathering ready, so that a call need not wait for its sockets and for STUN.
 *
 * ```
 *   prepare() ─▶ ready ──take()──▶ handed out ──50 ms──▶ the next one is made ready
 *                  └── 20 s old, or the host's addresses changed ──▶ replaced
 * ```
 */
export class Gatherings {
  readonly #options: (transports: TransportChoice) => Promise<GatheringOptions>;
  readonly #clock: GatheringOptions["clock"];
  readonly #interfaces: readonly string[] | undefined;
  readonly #keepReady: () => boolean;
  #prepared: Prepared | undefined;
  #timer: Timer | undefined;
  #closed = false;

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
   * @throws {ConnectError} `no-network` when no address can be bound
   */
  async take(transports: TransportChoice): Promise<Gathering> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    this.#prepareAfter(PREPARE_DELAY_MS, transports);
    if (prepared !== undefined) {
      if (this.#isUsable(prepared, transports)) return await prepared.gathering;
      discard(prepared);
    }
    return await Gathering.start(await this.#options(transports));
  }

  /** Makes one ready now. */
  prepare(transports: TransportChoice): void {
    if (this.#closed) return;
    const gathering = this.#options(transports).then((options) => Gathering.start(options));
    gathering.catch(() => {}); // take() tries again, and tells
    const at = this.#clock.now();
    this.#prepared = { gathering, transports, hosts: this.#hosts(), at };
    this.#prepareAfter(MAX_AGE_MS, transports);
  }

  /** Closes the one that is ready. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await discard(this.#prepared);
    this.#prepared = undefined;
  }

  #prepareAfter(delayMs: number, transports: TransportChoice): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(this.#clock.now() + delayMs, () => {
      discard(this.#prepared);
      this.#prepared = undefined;
      if (this.#keepReady()) this.prepare(transports);
    });
  }

  #isUsable({ transports, hosts, at }: Prepared, wanted: TransportChoice): boolean {
    return transports.tcp === wanted.tcp && transports.udp === wanted.udp &&
      (transports.relay ?? true) === (wanted.relay ?? true) &&
      this.#clock.now() - at < MAX_AGE_MS && hosts === this.#hosts();
  }

  #hosts(): string {
    const interfaces = this.#interfaces;
    return hostAddresses(interfaces === undefined ? {} : { interfaces }).map(({ ip }) => ip).join();
  }
}

async function discard(prepared: Prepared | undefined): Promise<void> {
  await prepared?.gathering.then((gathering) => gathering.close(), () => {});
}
