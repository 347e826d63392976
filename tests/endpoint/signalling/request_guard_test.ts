import assert from "node:assert/strict";
import fc from "fast-check";
import { RequestGuard, SignallingError } from "../../../lib/endpoint/signalling/mod.ts";
import { dial, listen, rejectsCode, setting, tagged, throwsCode } from "./signalling_setting.ts";

/** A request that nobody looks into. */
const opaque = (n: number) => new TextEncoder().encode(`request ${n}`);
const UNLIMITED = { burst: 1e9, perSecond: 0 };
const TOLERANCE_MS = 300_000;

Deno.test("a source has its burst, then its rate", () => {
  const guard = new RequestGuard({ perSource: { burst: 3, perSecond: 2 } });
  let n = 0;
  for (let i = 0; i < 3; i++) guard.admit(opaque(n++), "a", 0);
  throwsCode(() => guard.admit(opaque(n), "a", 0), "rate");
  guard.admit(opaque(n++), "b", 0);
  throwsCode(() => guard.admit(opaque(n), "a", 499), "rate");
  // What was over the rate was not remembered: it may come again.
  guard.admit(opaque(n++), "a", 500);
  throwsCode(() => guard.admit(opaque(n), "a", 500), "rate");
  for (let i = 0; i < 3; i++) guard.admit(opaque(n++), "a", 60_000);
  throwsCode(() => guard.admit(opaque(n), "a", 60_000), "rate");
});

Deno.test("many sources together have a rate too, and one of them cannot use it up alone", () => {
  const guard = new RequestGuard({
    perSource: { burst: 4, perSecond: 0 },
    total: { burst: 6, perSecond: 1 },
  });
  let n = 0;
  let admitted = 0;
  const offer = (source: string, now: number) => {
    try {
      guard.admit(opaque(n++), source, now);
      admitted++;
    } catch (error) {
      assert.ok(error instanceof SignallingError && error.code === "rate");
    }
  };
  for (let i = 0; i < 100; i++) offer("flood", 0);
  assert.equal(admitted, 4);
  offer("x", 0);
  offer("y", 0);
  assert.equal(admitted, 6);
  offer("z", 0);
  assert.equal(admitted, 6);
  offer("z", 1_000);
  assert.equal(admitted, 7);
});

Deno.test("a replay costs no token, and a clock that stands still or goes back gives none", () => {
  const guard = new RequestGuard({ perSource: { burst: 2, perSecond: 1 } });
  guard.admit(opaque(0), "a", 1_000);
  for (let i = 0; i < 50; i++) throwsCode(() => guard.admit(opaque(0), "a", 1_000), "replay");
  guard.admit(opaque(1), "a", 1_000);
  throwsCode(() => guard.admit(opaque(2), "a", 0), "rate");
  throwsCode(() => guard.admit(opaque(2), "a", 1_000), "rate");
});

Deno.test("rates and replays are checked before a request is opened", async () => {
  const { alice, bob } = await setting();
  const guard = new RequestGuard({ total: { burst: 1, perSecond: 0 } });
  const listening = listen(bob, { guard });
  const junk = tagged(bob.id, new Uint8Array(500));
  await rejectsCode(listening.readRequest(junk, { source: "a", now: 0 }), "unreadable");
  await rejectsCode(listening.readRequest(junk, { source: "a", now: 0 }), "replay");
  const { sealed } = dial(alice, bob.id);
  await rejectsCode(listening.readRequest(sealed, { source: "a", now: 0 }), "rate");
});

Deno.test("memory is bounded: unproven requests and sources make room, proven ones do not", () => {
  const guard = new RequestGuard({
    perSource: UNLIMITED,
    total: UNLIMITED,
    maxUnproven: 10,
    maxSources: 5,
    maxProven: 3,
  });
  for (let n = 0; n < 1_000; n++) guard.admit(opaque(n), `source ${n}`, 0);
  assert.deepEqual(guard.size, { proven: 0, unproven: 10, sources: 5 });
  throwsCode(() => guard.admit(opaque(999), "a", 0), "replay");
  guard.admit(opaque(0), "a", 0);

  for (let n = 1_000; n < 1_003; n++) guard.prove(guard.admit(opaque(n), "a", 0), 0, 0);
  throwsCode(() => guard.admit(opaque(2_000), "a", 0), "busy");
  throwsCode(() => guard.admit(opaque(1_000), "a", 2 * TOLERANCE_MS), "replay");
  assert.equal(guard.size.proven, 3);
  guard.admit(opaque(2_000), "a", 2 * TOLERANCE_MS + 1);
  assert.equal(guard.size.proven, 0);
});

Deno.test("a full memory is noticed also when the request was let in before", () => {
  const guard = new RequestGuard({ maxProven: 1 });
  const digests = [guard.admit(opaque(0), "a", 0), guard.admit(opaque(1), "a", 0)];
  guard.prove(digests[0]!, 0, 0);
  throwsCode(() => guard.prove(digests[1]!, 0, 0), "busy");
  throwsCode(() => guard.prove(digests[0]!, 0, 0), "replay");
});

Deno.test("the clock error says how far apart the clocks are", () => {
  const guard = new RequestGuard();
  const wall = Date.UTC(2026, 0, 1);
  const message = (time: number) => {
    try {
      guard.checkTime(time, wall);
      return "";
    } catch (error) {
      assert.ok(error instanceof SignallingError && error.code === "clock");
      return error.message;
    }
  };
  assert.equal(message(wall - TOLERANCE_MS), "");
  assert.equal(message(wall + TOLERANCE_MS), "");
  assert.match(message(wall - 360_000), /6 minutes apart where 5 minutes are allowed/);
  assert.match(message(wall + 7_200_000), /2 hours apart/);
  assert.match(message(0), /1970-01-01T00:00:00Z.*2026-01-01T00:00:00Z, 20454 days apart/);
});

// Whatever arrives when, and however the wall clock jumps: what was proven once never passes again.
Deno.test("no request is proven twice", () => {
  const steps = fc.array(
    fc.record({
      request: fc.nat(8),
      advanceMs: fc.nat(400_000),
      jumpMs: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        fc.integer({ min: -3_000_000, max: 3_000_000 }),
      ),
    }),
    { maxLength: 60 },
  );
  let passed = 0;
  fc.assert(
    fc.property(
      fc.array(fc.nat(3_000_000), { minLength: 9, maxLength: 9 }),
      steps,
      (times, run) => {
        const guard = new RequestGuard({ perSource: UNLIMITED, total: UNLIMITED, maxUnproven: 0 });
        const proven = new Set<number>();
        let now = 0;
        let wall = 1_000_000;
        for (const { request, advanceMs, jumpMs } of run) {
          now += advanceMs;
          wall += advanceMs + jumpMs;
          try {
            const digest = guard.admit(opaque(request), "a", now);
            guard.checkTime(times[request]!, wall);
            guard.prove(digest, times[request]!, now);
          } catch (error) {
            assert.ok(error instanceof SignallingError, String(error));
            continue;
          }
          assert.ok(!proven.has(request), `request ${request} passed twice`);
          proven.add(request);
          passed++;
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(passed > 100, "the runs do let requests through");
});
