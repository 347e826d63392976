import assert from "node:assert/strict";
import { type Channel, ChannelError } from "../../lib/session/mod.ts";
import type { SeededRandom } from "../support/simulated_clock.ts";
import { pattern, settle } from "../support/session_pair.ts";

/** How one side of a transfer ended; `unasked`: it has not heard of it. */
export type Ending = "unasked" | "running" | "complete" | "failed";

/** Bytes that go over one channel; what arrives is compared as it comes. */
export class Transfer {
  readonly name: string;
  readonly bytes: Uint8Array;
  writer: Ending = "running";
  reader: Ending = "unasked";
  received = 0;
  /** Bytes that the reader may take; a slow reader is given leave now and then. */
  leave: number;
  readonly #random: SeededRandom;

  constructor(name: string, size: number, random: SeededRandom) {
    this.name = name;
    this.bytes = pattern(size, name.length + size);
    this.#random = random;
    this.leave = random.next() < 0.3 ? 0 : Infinity;
  }

  get over(): boolean {
    if (this.writer === "running" || this.reader === "running") return false;
    return this.writer === "failed" || this.reader !== "unasked";
  }

  /** Writes everything and waits until the peer has it. */
  async write(channel: Channel): Promise<void> {
    try {
      for (let at = 0; at < this.bytes.length;) {
        const end = at + 1 + Math.floor(this.#random.next() * 40_000);
        await channel.write(this.bytes.subarray(at, end));
        at = Math.min(end, this.bytes.length);
      }
      await channel.closeWrite();
      await channel.closed;
      this.writer = "complete";
    } catch (error) {
      assert.ok(error instanceof ChannelError, String(error));
      this.writer = "failed";
    }
  }

  /** Reads to the end. Whatever arrives must be what was written, once and in order. */
  async read(channel: Channel): Promise<void> {
    this.reader = "running";
    const buffer = new Uint8Array(1 + Math.floor(this.#random.next() * 60_000));
    try {
      channel.closeWrite().catch(() => {});
      for (;;) {
        while (this.leave <= 0) await settle();
        const count = await channel.read(buffer);
        if (count === null) break;
        assert.deepEqual(
          buffer.subarray(0, count),
          this.bytes.subarray(this.received, this.received + count),
          `${this.name}: other bytes than were written, at ${this.received}`,
        );
        this.received += count;
        this.leave -= count;
      }
      assert.equal(this.received, this.bytes.length, `${this.name}: an end before the end`);
      this.reader = "complete";
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.reader = "failed";
    }
  }
}
