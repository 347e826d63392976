import assert from "node:assert/strict";
import { Answerer } from "../../lib/endpoint/answer.ts";
import type { EndpointContext } from "../../lib/endpoint/context.ts";
import { Gathering } from "../../lib/endpoint/gathering.ts";
import type { PeerSession } from "../../lib/endpoint/peer_session.ts";
import { createRequest, REFUSAL } from "../../lib/endpoint/signalling/mod.ts";
import { type VerifiedChain, verifyChain } from "../../lib/identity/mod.ts";
import { random, systemClock } from "../../lib/net/mod.ts";
import { ML_KEM_768 } from "../../lib/noise/mod.ts";
import { loopbackGatheringOptions } from "../support/loopback_gathering.ts";
import { throwawayIdentity } from "../support/throwaway_identity.ts";

const [ALICE, BOB] = await Promise.all(["alice", "bob"].map(throwawayIdentity));
const verify = (chain: readonly Uint8Array[], now: Date): Promise<VerifiedChain> =>
  Promise.resolve(verifyChain(chain, now));

/** A listener's answering half, with whatever differs. */
function context(gather: EndpointContext["gather"]): EndpointContext {
  return {
    identity: BOB!,
    clock: systemClock,
    random,
    kem: ML_KEM_768,
    transport: "tcp",
    verifyChain: verify,
    listening: () => true,
    doors: undefined,
    doorPort: () => undefined,
    gather,
  } as unknown as EndpointContext;
}

async function request(options: Record<string, unknown> = {}) {
  return createRequest({
    identity: ALICE!,
    listenerId: BOB!.id,
    offer: { ufrag: "abcd", pwd: "a".repeat(24), candidates: [], options },
    encapsulationKeys: await ML_KEM_768.generateKeyPair(),
    random,
    wallClock: Date.now,
    verifyChain: verify,
  });
}

Deno.test("an answerer that is closed while it gathers accepts nothing, and lets its sockets go", async () => {
  const gathered = Promise.withResolvers<void>(), closed = Promise.withResolvers<void>();
  const answerer = new Answerer(
    context(async (transports) => {
      const gathering = await Gathering.start(loopbackGatheringOptions(transports));
      const close = gathering.close.bind(gathering);
      gathering.close = () => close().then(closed.resolve);
      answerer.close();
      gathered.resolve();
      return gathering;
    }),
    {
      refusal: () => undefined,
      resumable: () => undefined,
      established: () => assert.fail("established"),
    },
    8,
  );
  const { sealed } = await request();
  let replies = 0;
  const received = answerer.receive(sealed, () => void replies++, "test");
  await gathered.promise;
  await closed.promise;
  await received;
  assert.equal(replies, 0);
});

Deno.test("who goes on with a session is told so to the policy, and who begins one, too", async () => {
  const told: [string, boolean][] = [];
  const session = { id: new Uint8Array(16) } as unknown as PeerSession;
  const answerer = new Answerer(
    context(() => Promise.reject(new Error("nothing is gathered here"))),
    {
      refusal: ({ id }, resumes) => {
        told.push([id, resumes]);
        return { code: REFUSAL.busy, reason: "full" };
      },
      resumable: (_peer, id) => id.length === 16 && id[0] === 1 ? session : undefined,
      established: () => assert.fail("established"),
    },
    8,
  );
  const known = new Uint8Array(16).fill(1), unknown = new Uint8Array(16).fill(2);
  for (const options of [{}, { resume: known }, { resume: unknown }]) {
    const dialling = await request(options);
    const answer = Promise.withResolvers<Uint8Array>();
    await answerer.receive(dialling.sealed, answer.resolve, "test");
    const { kind } = await dialling.readAnswer(await answer.promise);
    assert.equal(kind, "refused");
  }
  assert.deepEqual(told, [[ALICE!.id, false], [ALICE!.id, true], [ALICE!.id, false]]);
  answerer.close();
});
