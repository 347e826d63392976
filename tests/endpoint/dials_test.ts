import assert from "node:assert/strict";
import type { EndpointContext } from "../../lib/endpoint/context.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import { SimultaneousDial } from "../../lib/endpoint/dial_errors.ts";
import { Dials } from "../../lib/endpoint/dials.ts";
import { systemClock } from "../../lib/net/mod.ts";

Deno.test("dials: a call does not inherit a dial that its only caller has given up", async () => {
  const gathering = [Promise.withResolvers<never>(), Promise.withResolvers<never>()];
  let gathered = 0;
  const context = {
    clock: systemClock,
    kem: { generateKeyPair: () => new Promise(() => {}) },
    transport: "tcp",
    gather: () => gathering[gathered++]!.promise,
  } as unknown as EndpointContext;
  const dials = new Dials(context, () => {
    throw new Error("no dial succeeds here");
  });
  const first = new AbortController();
  const given = dials.dial("00".repeat(32), { signal: first.signal });
  await new Promise((resolve) => setTimeout(resolve, 0));
  first.abort();
  await assert.rejects(given, { code: "aborted" });
  // The first one still gathers.
  const second = dials.dial("00".repeat(32), { timeoutMs: 10_000 });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(gathered, 2);
  gathering[0]!.reject(new Error("the first one's"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(dials.has("00".repeat(32)), true);
  gathering[1]!.reject(new Error("the second one's"));
  await assert.rejects(second, { message: "the second one's" });
  assert.equal(dials.has("00".repeat(32)), false);
});

Deno.test("dials: a peer that has not been asked is not blamed for its silence", async () => {
  const context = {
    clock: systemClock,
    kem: { generateKeyPair: () => new Promise(() => {}) },
    transport: "tcp",
    gather: () => new Promise(() => {}), // no relay answers
    explainSilence: () => new ConnectError("unreachable", "no answer"),
  } as unknown as EndpointContext;
  const dials = new Dials(context, () => {
    throw new Error("no dial succeeds here");
  });
  const called = dials.dial("00".repeat(32), { timeoutMs: 1 });
  await assert.rejects(called, { code: "timeout", message: /not asked.*TURN/ });
});

Deno.test({
  name: "dials: close() ends the wait for a peer whose own dial won, too",
  sanitizeOps: true,
  async fn() {
    const refused = Promise.withResolvers<void>();
    const context = {
      clock: systemClock,
      kem: { generateKeyPair: () => new Promise(() => {}) },
      transport: "tcp",
      gather: () => {
        refused.resolve();
        return Promise.reject(new SimultaneousDial("it dials us"));
      },
    } as unknown as EndpointContext;
    const dials = new Dials(context, () => {
      throw new Error("no dial succeeds here");
    });
    const called = assert.rejects(dials.dial("00".repeat(32), {}), { code: "aborted" });
    await refused.promise;
    await dials.close();
    assert.equal(dials.has("00".repeat(32)), false);
    await called;
  },
});
