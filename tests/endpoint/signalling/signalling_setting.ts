import assert from "node:assert/strict";
import { concatBytes } from "@noble/hashes/utils.js";
import { type Identity, type VerifiedChain, verifyChain } from "../../../lib/identity/mod.ts";
import {
  createRequest,
  type Dialling,
  Listening,
  type Offer,
  RequestGuard,
  SIGNALLING_VERSION,
  SignallingError,
  type SignallingErrorCode,
} from "../../../lib/endpoint/signalling/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../../lib/noise/pure_ml_kem_768.ts";
import { outerTag, requestTagKey } from "../../../lib/endpoint/signalling/outer_tag.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { THROWAWAY_NOW, throwawayIdentity } from "../../support/throwaway_identity.ts";

export const random = seededRandom("signalling");
/** Both wall clocks, unless a test says otherwise. */
export const NOW = THROWAWAY_NOW.getTime() + 3_600_000;

/** Six candidates of the size that lib/ice makes for IPv4. */
export const OFFER: Offer = {
  ufrag: "aB3+",
  pwd: "0123456789abcdefghijkl",
  candidates: Array.from({ length: 6 }, (_, i) => new Uint8Array(24).fill(i)),
  options: { transport: "quic", quicCertificateHash: new Uint8Array(32).fill(7) },
};

export interface Setting {
  alice: Identity;
  bob: Identity;
  mallory: Identity;
}

export async function setting(): Promise<Setting> {
  const [alice, bob, mallory] = await Promise.all(
    ["alice", "bob", "mallory"].map((name) => throwawayIdentity(name)),
  );
  return { alice: alice!, bob: bob!, mallory: mallory! };
}

export function dial(
  identity: Identity,
  listenerId: string,
  { offer = OFFER, wallClock = NOW } = {},
): Dialling<VerifiedChain> {
  return createRequest({
    identity,
    listenerId,
    offer,
    encapsulationKeys: pureKeyPair(random),
    random,
    wallClock: () => wallClock,
    verifyChain,
  });
}

export function listen(
  identity: Identity,
  { guard = new RequestGuard(), wallClock = NOW } = {},
): Listening<VerifiedChain> {
  const kem = pureMlKem768(random);
  return new Listening({ identity, guard, kem, random, wallClock: () => wallClock, verifyChain });
}

export const FROM = { source: "test", now: 0 };

/** Asserts that the promise rejects with one of the codes, and returns the error. */
export async function rejectsCode(
  promise: Promise<unknown>,
  ...codes: SignallingErrorCode[]
): Promise<SignallingError> {
  const outcome = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(outcome instanceof SignallingError, `expected ${codes}, got ${outcome}`);
  assert.ok(codes.includes(outcome.code), `expected ${codes}, got ${outcome.code}`);
  return outcome;
}

/** The same for what throws at once. */
export function throwsCode(action: () => unknown, ...codes: SignallingErrorCode[]): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof SignallingError, String(error));
    assert.ok(codes.includes(error.code), `expected ${codes}, got ${error.code}`);
    return true;
  });
}

/** A sealed request of any content, as whoever knows the listener's id can make one. */
export function tagged(listenerId: string, message: Uint8Array): Uint8Array {
  const tag = outerTag(requestTagKey(listenerId), SIGNALLING_VERSION, message);
  return concatBytes(Uint8Array.of(SIGNALLING_VERSION), tag, message);
}
