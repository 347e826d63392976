import assert from "node:assert/strict";
import { bytesToHex } from "@noble/hashes/utils.js";
import { exchange, RequestGuard, SignallingError } from "../../lib/endpoint/signalling/mod.ts";
import { dial, listen, OFFER, setting, tagged } from "../endpoint/signalling/signalling_setting.ts";
import { MemoryCarrier } from "../support/memory_carrier.ts";
import { settle } from "../support/session_pair.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { forEachSeed } from "./seeds.ts";

const UNLIMITED = { burst: 1e9, perSecond: 0 };
const DIALS = 6;

/** A carrier in the hands of somebody who drops, repeats, alters, replays and forges. */
class HostileCarrier extends MemoryCarrier {
  constructor(random: SeededRandom, listenerId: string) {
    const seen: Uint8Array[] = [];
    const altered = (bytes: Uint8Array) => {
      const copy = bytes.slice();
      copy[Math.floor(random.next() * copy.length)]! ^= 1 << Math.floor(random.next() * 8);
      return copy;
    };
    const mishandle = (sealed: Uint8Array): Uint8Array[] => {
      seen.push(sealed);
      const arriving: Uint8Array[] = [];
      for (let n = Math.floor(random.next() * 6); n > 0; n--) {
        const kind = random.next();
        if (kind < 0.3) arriving.push(altered(sealed));
        else if (kind < 0.5) arriving.push(seen[Math.floor(random.next() * seen.length)]!);
        else if (kind < 0.6) arriving.push(sealed.subarray(0, random.next() * sealed.length));
        else if (kind < 0.8) arriving.push(tagged(listenerId, random.bytes(200)));
        else arriving.push(sealed);
      }
      if (random.next() < 0.6) arriving.splice(random.next() * arriving.length, 0, sealed);
      return arriving;
    };
    super({ onRequest: (_id, sealed) => mishandle(sealed), onAnswer: mishandle });
  }
}

Deno.test("faults: over a hostile carrier a call is answered truly and once, or not at all", async () => {
  const { alice, bob, mallory } = await setting();
  let accepted = 0, unanswered = 0;
  await forEachSeed(15, async (seed) => {
    const random = new SeededRandom(seed), carrier = new HostileCarrier(random, bob.id);
    const guard = new RequestGuard({ perSource: UNLIMITED, total: UNLIMITED });
    const listening = listen(bob, { guard });
    /** The listener's keys, by connection. */
    const answered = new Map<string, string>();
    await carrier.listen(bob.id, async (sealed, reply, source) => {
      try {
        const request = await listening.readRequest(sealed, { source, now: 0 });
        const connection = bytesToHex(request.body.connectionId);
        assert.ok(!answered.has(connection), "a request is accepted once");
        const { sealed: answer, keys } = request.accept(OFFER);
        answered.set(connection, bytesToHex(keys.receive) + bytesToHex(keys.send) + request.peerId);
        reply(answer);
      } catch (error) {
        if (!(error instanceof SignallingError)) throw error;
      }
    });
    const giveUp = new AbortController();
    const calls = Array.from({ length: DIALS }, async () => {
      const caller = random.next() < 0.5 ? alice : mallory, dialling = dial(caller, bob.id);
      const answer = await exchange(carrier, dialling, { signal: giveUp.signal })
        .catch(() => undefined);
      const connection = bytesToHex(dialling.connectionId);
      if (answer === undefined) {
        unanswered++;
        return;
      }
      assert.ok(answer.kind === "accepted");
      const { send, receive } = answer.keys;
      assert.equal(answered.get(connection), bytesToHex(send) + bytesToHex(receive) + caller.id);
      assert.equal(answer.peer.id, bob.id);
      accepted++;
    });
    for (let turn = 0; turn < 40; turn++) await settle();
    giveUp.abort();
    await Promise.all(calls);
  });
  if (Deno.env.get("FAULT_SEED") === undefined) assert.ok(accepted > 10 && unanswered > 10);
});
