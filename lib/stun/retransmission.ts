/** The first retransmission of a request over UDP comes after this time (RFC 8489 §6.2.1). */
export const INITIAL_RTO_MS = 500;
/** Rc of RFC 8489 §6.2.1: how often a request is sent at most. */
export const MAX_TRANSMISSIONS = 7;
/** Rm of RFC 8489 §6.2.1, in RTOs: how long the last transmission is waited for. */
export const FINAL_WAIT_RTOS = 16;
/** Ti of RFC 8489 §6.2.2: how long a request over TCP is waited for. */
export const RELIABLE_TIMEOUT_MS = 39_500;

/** How a request is repeated; RFC 8489 §6.2.1 wants the numbers to be configurable. */
export interface RetransmissionSchedule {
  /** Before the first repetition, milliseconds; doubles from then on. */
  readonly rtoMs: number;
  /** At most, the first one counted. */
  readonly transmissions: number;
  /** After the last transmission, in units of `rtoMs`. */
  readonly finalWaitRtos: number;
}

/** The schedule that RFC 8489 §6.2.1 recommends: 39.5 s in all. */
export const UDP_SCHEDULE: RetransmissionSchedule = {
  rtoMs: INITIAL_RTO_MS,
  transmissions: MAX_TRANSMISSIONS,
  finalWaitRtos: FINAL_WAIT_RTOS,
};

/** The schedule of a reliable transport: sent once, 39.5 s in all (RFC 8489 §6.2.2). */
export const RELIABLE_SCHEDULE: RetransmissionSchedule = {
  rtoMs: RELIABLE_TIMEOUT_MS,
  transmissions: 1,
  finalWaitRtos: 1,
};

/**
 * The clock of one request: when it is sent again, and when it has failed.
 *
 * ```
 *   sent ──rto──▶ sent ──2 rto──▶ sent ─── … ──▶ sent ──finalWaitRtos × rto──▶ expired
 * ```
 *
 * @example
 * ```ts
 * import { Retransmission, UDP_SCHEDULE } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 * const request = new Retransmission(UDP_SCHEDULE, 0);
 * const times: number[] = [0];
 * while (request.next(request.dueAt) === "resend") times.push(times.at(-1)! * 2 + 500);
 * assert.deepEqual(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
 * assert.equal(request.dueAt, 39_500);
 * ```
 */
export class Retransmission {
  readonly #schedule: RetransmissionSchedule;
  #transmissions = 1;
  #dueAt: number;

  /** Begins with the first transmission. @param now milliseconds */
  constructor(schedule: RetransmissionSchedule, now: number) {
    this.#schedule = schedule;
    this.#dueAt = now + this.#wait();
  }

  /** When {@linkcode next} has something to say, milliseconds. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** How often it has been sent. */
  get transmissions(): number {
    return this.#transmissions;
  }

  /** What is to be done now: nothing yet (undefined), send again, or give up. */
  next(now: number): "resend" | "expired" | undefined {
    if (now < this.#dueAt) return undefined;
    if (this.#transmissions >= this.#schedule.transmissions) return "expired";
    this.#transmissions++;
    this.#dueAt = now + this.#wait();
    return "resend";
  }

  #wait(): number {
    const { rtoMs, transmissions, finalWaitRtos } = this.#schedule;
    const last = this.#transmissions >= transmissions;
    return rtoMs * (last ? finalWaitRtos : 2 ** (this.#transmissions - 1));
  }
}
