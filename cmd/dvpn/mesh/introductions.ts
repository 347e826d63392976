/**
 * How members hear of one another: over a channel of its own, a JSON list of ids. Whoever hears an id
 * knows the address that goes with it, and has to prove nothing by passing it on: the member that is
 * called proves who it is, and is let in by the rules or not.
 *
 * @module
 */
import type { PeerChannel } from "../../peer/peer_channel.ts";

/** Most ids that one member is told of at a time. */
export const MAX_INTRODUCED = 512;
/** Those ids as JSON, and some room, bytes. */
const MAX_BYTES = 64 * 1024;
/** A member that has not said all of it by then never will, ms. */
const TIMEOUT_MS = 10_000;

/** Tells a member of others, and ends the channel. */
export async function introduce(channel: PeerChannel, ids: readonly string[]): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(ids.slice(0, MAX_INTRODUCED)));
  await bounded(channel, async () => {
    for (let at = 0; at < bytes.length;) at += await channel.write(bytes.subarray(at));
    await channel.closeWrite();
    await channel.closed;
  });
}

/** The ids that a member speaks of; none when it says anything else. */
export async function introduced(channel: PeerChannel): Promise<string[]> {
  const bytes = new Uint8Array(MAX_BYTES);
  let used = 0;
  await bounded(channel, async () => {
    while (used < MAX_BYTES) {
      const count = await channel.read(bytes.subarray(used));
      if (count === null) break;
      used += count;
    }
    channel.close();
  });
  return idsOf(new TextDecoder().decode(bytes.subarray(0, used)));
}

/** The ids in a JSON list; none when the text is something else. */
export function idsOf(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.slice(0, MAX_INTRODUCED).filter(isId) : [];
  } catch {
    return [];
  }
}

/** By its form: whether it is a key at all, a call finds out. */
function isId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

async function bounded(channel: PeerChannel, work: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => channel.reset(), TIMEOUT_MS);
  try {
    await work();
  } finally {
    clearTimeout(timer);
  }
}
