import { type Clock, hostAddresses, type Timer } from "../net/mod.ts";

/** How often the host's addresses are looked at, ms: no API of the runtime tells of changes. */
const INTERVAL_MS = 1_000;
/** A timer that is so late has slept with its machine, ms. */
const SLEEP_MS = 15_000;

/** What {@linkcode NetworkWatch} needs. */
export interface NetworkWatchOptions {
  readonly clock: Clock;
  /** Unix time, ms; goes on while the machine sleeps. */
  readonly wallClock: () => number;
  /** The interfaces that count; all but loopback when absent. */
  readonly interfaces: readonly string[] | undefined;
  /** The addresses that there are now; and whether one that there was is gone. */
  readonly onChange: (ips: ReadonlySet<string>, isOneGone: boolean) => void;
}

/** Notices that the host's addresses have changed, or that the machine has slept. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #ips: Set<string>;
  #lookedAt: number;
  #timer: Timer | undefined;

  /** Begins at once. */
  constructor(options: NetworkWatchOptions) {
    this.#options = options;
    this.#ips = this.#look();
    this.#lookedAt = options.wallClock();
    this.#arm();
  }

  /** Watches no more. */
  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, wallClock, onChange } = this.#options;
    this.#timer = clock.setTimer(clock.now() + INTERVAL_MS, () => {
      const ips = this.#look(), now = wallClock();
      const slept = now - this.#lookedAt > SLEEP_MS;
      const isOneGone = this.#ips.difference(ips).size > 0;
      const changed = isOneGone || ips.size > this.#ips.size;
      this.#ips = ips;
      this.#lookedAt = now;
      this.#arm();
      if (changed || slept) onChange(ips, isOneGone);
    });
  }

  #look(): Set<string> {
    const { interfaces } = this.#options;
    const addresses = hostAddresses(interfaces === undefined ? {} : { interfaces });
    return new Set(addresses.map(({ ip }) => ip));
  }
}
