/** What may be sent with OPEN before ACCEPT while few channels are open, bytes. */
export const EARLY_BYTES = 64 << 10;
/** "Few" channels; more open with {@link MIN_WINDOW_BYTES} of early data. */
export const EARLY_CHANNELS = 64;
/** Every channel gets at least this window, however many there are, bytes. */
export const MIN_WINDOW_BYTES = 1 << 10;
/** Kept free of grown windows so that a peer's early data finds room. */
const EARLY_HEADROOM_BYTES = EARLY_BYTES * EARLY_CHANNELS;

/**
 * Receive memory promised to the peer. A window is a reservation: the sum of what all channels have
 * granted or hold unread never exceeds the limit plus {@link MIN_WINDOW_BYTES} for each channel. One
 * stuck reader therefore never blocks another channel, as a shared session window would.
 */
export class ReceiveBudget {
  readonly #limit: number;
  #reserved = 0;

  /** @param limit bytes in all */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes promised now. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Whether early data of this size has room. */
  admits(early: number): boolean {
    return early <= MIN_WINDOW_BYTES || this.#reserved + early <= this.#limit;
  }

  /** Reserves a new channel's window: at least `least`, at most `wanted`, less as room gets scarce. */
  reserveWindow(least: number, wanted: number): number {
    const window = Math.max(least, Math.min(wanted, this.#free / 16 | 0));
    this.#reserved += window;
    return window;
  }

  /** Reserves room for a window to grow; 0 when room is scarce. */
  reserveGrowth(wanted: number): number {
    if (wanted > this.#free / 4) return 0;
    this.#reserved += wanted;
    return wanted;
  }

  /** Gives reserved bytes back. */
  release(bytes: number): void {
    this.#reserved -= bytes;
  }

  get #free(): number {
    return Math.max(0, this.#limit - EARLY_HEADROOM_BYTES - this.#reserved);
  }
}
