import assert from "node:assert/strict";
import { PeerLink, type Time } from "../../cmd/dnc/forward/peer_link.ts";
import type { Dialler } from "../../cmd/peer/peer_channel.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { ChannelError } from "../../lib/session/errors.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

/** Time that passes only where somebody waits, and what was waited for. */
function fakeTime(): Time & { readonly pauses: number[] } {
  let now = 1_000;
  const pauses: number[] = [];
  return {
    pauses,
    now: () => now,
    pause(ms) {
      if (ms > 0) {
        now += ms;
        pauses.push(ms);
      }
      return Promise.resolve();
    },
  };
}

/** Dials that fail as long as there is a failure. */
function dialler(failure: () => Error | undefined): Dialler {
  return {
    connect() {
      const error = failure();
      if (error !== undefined) return Promise.reject(error);
      return Promise.resolve(MemoryChannel.pair("x", Promise.resolve())[0]);
    },
    status: () => ({ sessions: [] }),
  };
}

const OPTIONS = { id: "P", timeoutMs: undefined, signal: new AbortController().signal };

Deno.test("after dials that failed, the next ones wait longer and longer", async () => {
  let isThere = false;
  const time = fakeTime();
  const endpoint = dialler(() => isThere ? undefined : new ConnectError("unreachable", "gone"));
  const peer = new PeerLink(endpoint, OPTIONS, time);
  const together = [peer.open("a"), peer.open("b"), peer.open("c")];
  for (const one of together) await assert.rejects(one, { code: "unreachable" });
  for (let count = 0; count < 6; count++) await assert.rejects(peer.open("d"));
  assert.deepEqual(
    time.pauses,
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000],
    "those that failed together count once",
  );
  isThere = true;
  await peer.open("e");
  await peer.open("f");
  assert.equal(time.pauses.length, 7);
  isThere = false;
  await assert.rejects(peer.open("g"));
  await assert.rejects(peer.open("h"));
  assert.deepEqual(time.pauses.slice(7), [1_000], "a success forgets the failures before it");
});

Deno.test("a channel that cannot be had is no reason to wait for the next", async () => {
  const time = fakeTime();
  const endpoint = dialler(() => new ChannelError("too many", "too-many-channels"));
  const peer = new PeerLink(endpoint, OPTIONS, time);
  await assert.rejects(peer.open("a"), { code: "too-many-channels" });
  await assert.rejects(peer.open("b"), { code: "too-many-channels" });
  assert.deepEqual(time.pauses, []);
});

Deno.test("an interruption ends the wait with its reason", async () => {
  const stop = new AbortController();
  const endpoint = dialler(() => new ConnectError("unreachable", "gone"));
  const peer = new PeerLink(endpoint, { ...OPTIONS, signal: stop.signal });
  await assert.rejects(peer.open("a"), { code: "unreachable" });
  const waiting = peer.open("b");
  stop.abort(new Error("interrupted"));
  await assert.rejects(waiting, { message: "interrupted" });
});
