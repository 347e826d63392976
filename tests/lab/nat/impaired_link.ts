/**
 * A long and lossy way, in user space: takes IP packets from a TUN device and gives them back to it
 * after a delay, or never: `impaired_link.ts DEVICE DELAY_MS LOSS_PERCENT`.
 *
 * ```text
 * site ──▶ core: rule "not from the device" ──▶ device ──▶ this process: lost, or due after the delay
 * site ◀── core: main table               ◀── device ◀──┘
 * ```
 *
 * netem would do that, but it is not in every kernel.
 *
 * @module
 */
import { PacketDescriptor } from "./libc.ts";

const IDLE_MS = 1000;
/** Packets under way at once; more are lost, as in any router's queue. */
const CAPACITY = 20_000;

interface UnderWay {
  readonly dueMs: number;
  readonly packet: Uint8Array<ArrayBuffer>;
}

/** Carries packets until the process ends. */
async function carry(device: string, delayMs: number, lossShare: number): Promise<never> {
  const link = PacketDescriptor.tun(device);
  let underWay: UnderWay[] = [];
  console.log("ready");
  while (true) {
    const waitMs = (underWay[0]?.dueMs ?? Infinity) - performance.now();
    if (waitMs > 0) await link.readable(Math.min(waitMs, IDLE_MS));
    const now = performance.now();
    for (let packet = link.read(); packet !== undefined; packet = link.read()) {
      if (underWay.length >= CAPACITY || Math.random() < lossShare) continue;
      underWay.push({ dueMs: now + delayMs, packet: packet.slice() });
    }
    // The delay is the same for all, so the order of arrival is the order in which they are due.
    const due = underWay.findIndex(({ dueMs }) => dueMs > now);
    const leaving = due < 0 ? underWay : underWay.slice(0, due);
    for (const { packet } of leaving) link.write(packet);
    underWay = due < 0 ? [] : underWay.slice(due);
  }
}

if (import.meta.main) {
  const [device, delayMs, lossPercent] = Deno.args;
  await carry(device!, Number(delayMs), Number(lossPercent) / 100);
}
