import type { PacketDevice } from "../../../cmd/dvpn/data/packet_device.ts";

/** A TUN device without a kernel: a test puts packets in and sees what comes out. */
export class MemoryDevice implements PacketDevice {
  readonly segmentsUdp: boolean;
  /** What was given to the kernel. */
  readonly written: Uint8Array[] = [];
  /** What the kernel has to send. */
  readonly waiting: Uint8Array[] = [];
  /** Whether the kernel takes packets. */
  isUp = true;
  #wake: (() => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #error: Error | undefined;

  constructor(segmentsUdp = true) {
    this.segmentsUdp = segmentsUdp;
  }

  /** The kernel sends packets. */
  send(...packets: Uint8Array[]): void {
    this.waiting.push(...packets);
    this.#wake?.();
  }

  /** The device disappears. */
  fail(error: Error): void {
    this.#error = error;
    this.#reject?.(error);
  }

  read(into: Uint8Array): number {
    const packet = this.waiting.shift();
    if (packet === undefined) return 0;
    into.set(packet);
    return packet.length;
  }

  write(packet: Uint8Array): boolean {
    if (this.isUp) this.written.push(packet.slice());
    return this.isUp;
  }

  readable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#error !== undefined) reject(this.#error);
      this.#wake = resolve;
      if (this.waiting.length > 0) resolve();
    });
  }
}
