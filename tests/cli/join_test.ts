import assert from "node:assert/strict";
import { join } from "../../cmd/peer/join.ts";
import type { PeerChannel } from "../../cmd/peer/peer_channel.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { MemorySink, MemorySource } from "../support/memory_streams.ts";

/** A channel whose peer has sent its end and reads no more; a write fails some promises later. */
function stoppedChannel(delay: number, closed: Promise<void> = Promise.resolve()): PeerChannel {
  return {
    name: "test",
    opened: Promise.resolve(),
    closed,
    read: () => Promise.resolve(null),
    async write() {
      for (let count = 0; count < delay; count++) await Promise.resolve();
      throw new ChannelError("the peer no longer reads this channel", "stopped");
    },
    closeWrite: () => Promise.resolve(),
    reset() {},
    close() {},
  };
}

Deno.test("what the peer no longer takes is an error, however soon the channel is over", async () => {
  for (const delay of [0, 5, 50]) {
    const source = new MemorySource(new Uint8Array(100));
    const joined = join(stoppedChannel(delay), { source, sink: new MemorySink() });
    await assert.rejects(joined, { code: "stopped" }, `after ${delay} promises`);
  }
});

Deno.test("what the source has just not given yet is too late all the same", async () => {
  const arriving = Promise.withResolvers<number | null>();
  const source = { read: () => arriving.promise };
  const joined = join(stoppedChannel(0), { source, sink: new MemorySink() });
  setTimeout(() => arriving.resolve(1));
  await assert.rejects(joined, { code: "stopped" });
});

Deno.test("a peer that reads no more is no error while nothing was to be sent", async () => {
  const source = new MemorySource(new Uint8Array(0), { endless: true });
  await join(stoppedChannel(0), { source, sink: new MemorySink() });
});

Deno.test("a peer that reads no more and leaves: that data were lost is what is said", async () => {
  const closed = Promise.withResolvers<void>();
  const source = new MemorySource(new Uint8Array(100));
  const joined = join(stoppedChannel(0, closed.promise), { source, sink: new MemorySink() });
  setTimeout(() => closed.reject(new ChannelError("the session is over", "session-closed")));
  await assert.rejects(joined, { code: "stopped" });
});
