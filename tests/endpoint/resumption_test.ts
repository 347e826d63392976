import assert from "node:assert/strict";
import type { EndpointContext } from "../../lib/endpoint/context.ts";
import { SimultaneousDial } from "../../lib/endpoint/dial_errors.ts";
import type { PeerSession } from "../../lib/endpoint/peer_session.ts";
import { awaitResumption, resume } from "../../lib/endpoint/resumption.ts";
import { SimulatedClock } from "../support/simulated_clock.ts";
import { clockOf } from "../support/simulated_gathering.ts";

const SILENT = { kind: "silent", message: "the peer does not answer" } as const;

/** A clock whose time the test moves. */
function movedClock() {
  const time = new SimulatedClock();
  return {
    clock: clockOf(time),
    async pass(ms: number) {
      time.run(time.now + ms);
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

/** What resumption knows of a session. */
function lostSession() {
  const failures: string[] = [];
  return {
    failures,
    isOver: false,
    hasPipe: false,
    pipes: 1,
    ended: new AbortController().signal,
    peer: { id: "00".repeat(32) },
    id: new Uint8Array(16),
    fail(reason: string) {
      failures.push(reason);
      this.isOver = true;
    },
  };
}

Deno.test("a resumption that fails in an unforeseen way, or meets the peer's own dial, is tried again", async () => {
  const { clock, pass } = movedClock();
  const session = lostSession();
  const failures = [new SimultaneousDial("the peer dials us"), new Error("something else")];
  let attempts = 0;
  const context = {
    clock,
    datagramsHeard: () => 0,
    explainSilence: () => ({ code: "unreachable" }),
    kem: { generateKeyPair: () => new Promise(() => {}) },
    transport: "tcp",
    gather() {
      const failure = failures[attempts++];
      if (failure === undefined) session.isOver = true;
      throw failure ?? new Error("enough");
    },
  } as unknown as EndpointContext;
  const resuming = resume(context, session as unknown as PeerSession, SILENT);
  for (let turn = 0; turn < 10 && !session.isOver; turn++) await pass(500);
  await pass(500);
  await resuming;
  assert.equal(attempts, 3);
  assert.deepEqual(session.failures, []);
});

Deno.test("a session that is lost once more has all of its time to be resumed", async () => {
  const { clock, pass } = movedClock();
  const session = lostSession();
  const wait = () =>
    awaitResumption({ clock } as EndpointContext, session as unknown as PeerSession, SILENT);
  wait();
  await pass(2_000);
  session.hasPipe = true;
  session.pipes++;
  await pass(35_500);
  session.hasPipe = false;
  wait();
  await pass(37_000);
  assert.deepEqual(session.failures, [], "37 s after the second loss");
  await pass(2_000);
  assert.equal(session.failures.length, 1);
});
