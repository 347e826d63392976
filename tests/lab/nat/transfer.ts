import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Digest, pseudoRandom } from "../pseudo_random.ts";
import type { Call } from "./call.ts";

/** How much is sent, and how fast at most. */
export interface TransferPlan {
  readonly bytes: number;
  /** As fast as it goes unless said otherwise. */
  readonly bytesPerSecond?: number;
  /** What happens meanwhile, as soon as that many bytes have arrived. */
  readonly disturbance?: { readonly afterBytes: number; readonly happen: () => Promise<void> };
}

/** What came of a transfer that arrived whole. */
export interface TransferResult {
  readonly seconds: number;
  /** The longest time without any byte arriving, ms. */
  readonly longestGapMs: number;
}

/** Sends pseudo-random bytes from the dialler to the listener; checks that each of them arrives. */
export async function transfer(call: Call, plan: TransferPlan): Promise<TransferResult> {
  const begin = performance.now();
  await call.listener.stdin.close(); // nothing is sent back
  const [sent, received] = await Promise.all([send(call, plan), receive(call, plan)]);
  assert.deepEqual(received.digest, sent);
  const exits = await Promise.all([call.dialler.exit(), call.listener.exit()]);
  assert.deepEqual(exits.map(({ code }) => code), [0, 0]);
  return { seconds: (performance.now() - begin) / 1000, longestGapMs: received.longestGapMs };
}

async function send(
  { dialler }: Call,
  { bytes, bytesPerSecond = Infinity }: TransferPlan,
): Promise<Digest> {
  const hash = createHash("sha256");
  const writer = dialler.stdin.getWriter();
  const begin = performance.now();
  let sent = 0;
  for (const chunk of pseudoRandom(bytes, dialler.pid)) {
    const early = begin + sent / bytesPerSecond * 1000 - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    hash.update(chunk);
    await writer.write(chunk);
    sent += chunk.length;
  }
  await writer.close();
  return { bytes: sent, sha256: hash.digest("hex") };
}

async function receive(
  { listener }: Call,
  { disturbance }: TransferPlan,
): Promise<{ digest: Digest; longestGapMs: number }> {
  const hash = createHash("sha256");
  let bytes = 0, lastMs: number | undefined, longestGapMs = 0;
  let happening: Promise<void> | undefined;
  for await (const chunk of listener.stdout) {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - (lastMs ?? now));
    lastMs = now;
    bytes += chunk.length;
    hash.update(chunk);
    if (disturbance !== undefined && bytes >= disturbance.afterBytes) {
      happening ??= disturbance.happen();
      happening.catch(() => {}); // awaited at the end
    }
  }
  await happening;
  return { digest: { bytes, sha256: hash.digest("hex") }, longestGapMs };
}
