import { VNET_HEADER_BYTES } from "../../../lib/net/tun/mod.ts";
import { icmpError, type Refusal } from "./icmp_error.ts";

/** Most answers a second: a flood of packets to nobody is not to become a flood of answers. */
const MAX_ANSWERS = 100;

/** Packets that are not passed on: counted, and answered a bounded number of times a second. */
export class Unreachable {
  readonly #answer: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** How many packets there were. */
  count = 0;
  #second = 0;
  #answered = 0;

  /** @param answer takes offload header and packet, to whoever has sent the packet in question */
  constructor(answer: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#answer = answer;
  }

  /**
   * Takes a packet.
   *
   * @param bytes offload header and packet
   */
  take(bytes: Uint8Array, refusal: Refusal = "unreachable"): void {
    this.count++;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#answered = 0;
    this.#second = second;
    if (this.#answered >= MAX_ANSWERS) return;
    const answer = icmpError(bytes.subarray(VNET_HEADER_BYTES), refusal);
    if (answer === undefined) return;
    this.#answered++;
    const whole = new Uint8Array(VNET_HEADER_BYTES + answer.length);
    whole.set(answer, VNET_HEADER_BYTES);
    this.#answer(whole);
  }
}
