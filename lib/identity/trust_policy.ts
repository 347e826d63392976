import type { VerifiedRevocationList } from "./revocation_list.ts";
import type { VerifiedChain } from "./verify_chain.ts";

/**
 * Whom a service trusts. The lists are read once: an array that has been used must not be changed,
 * but replaced.
 */
export interface TrustRules {
  /**
   * Whether any valid identity is let in that is not banned. Then only bans of device ids hold back
   * who wants to evade them: a device that is banned by its CA, or whose certificate is revoked, can
   * show one of another CA, its own for example.
   */
  readonly anonymous: boolean;
  /**
   * Ids of CAs whose devices are let in. The CA may stand anywhere above the device's own
   * certificate.
   */
  readonly authorities: readonly string[];
  /** Ids of devices that are let in although no such CA vouches for them. */
  readonly allow: readonly string[];
  /** Ids of devices and CAs that are kept out, whatever else is said. */
  readonly ban: readonly string[];
  /** Revoked certificates, lists of any CA. */
  readonly revocations: readonly VerifiedRevocationList[];
}

/** Whom a rule for one service names: a peer that is in either list. */
export interface PeerSelection {
  /** Ids of devices. Default: none. */
  readonly ids?: readonly string[];
  /** Ids of CAs, anywhere above the device's own certificate. Default: none. */
  readonly authorities?: readonly string[];
}

/**
 * Why a peer is not trusted, in the order banned, expired, revoked, unknown.
 *
 * @param peer its certificates, as {@linkcode verifyChain} found them
 * @param now the time to decide for
 * @returns the reason, one sentence without a full stop for the peer's user and the log; undefined
 *   when the peer is trusted
 *
 * @example
 * ```ts
 * import { createAuthority, createDevice, refusalOf, verifyChain } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const authority = await createAuthority("my machines");
 * const { chain, id } = await createDevice("laptop", authority);
 * const now = new Date();
 * const peer = verifyChain(chain, now);
 * const rules = {
 *   anonymous: false, authorities: [authority.id], allow: [], ban: [], revocations: [],
 * };
 * assert.equal(refusalOf(rules, peer, now), undefined);
 * assert.equal(refusalOf({ ...rules, ban: [id] }, peer, now), "this device is banned here");
 * ```
 */
export function refusalOf(rules: TrustRules, peer: VerifiedChain, now: Date): string | undefined {
  const ban = idSet(rules.ban);
  if (ban.has(peer.id)) return "this device is banned here";
  const banned = peer.chainIds.slice(1).find((id) => ban.has(id));
  if (banned !== undefined) return `the CA ${banned} of this device is banned here`;
  // Not `now > …`: an invalid Date is later than nothing.
  if (!(now <= peer.notAfter)) return `the certificates expired on ${peer.notAfter.toISOString()}`;
  const revoked = revocationOf(rules.revocations, peer);
  if (revoked !== undefined) return revoked;
  const { authorities, allow, anonymous } = rules;
  if (anonymous || peerMatches({ ids: allow, authorities }, peer)) return undefined;
  return "this device's certificate is not signed by an authority that is trusted here";
}

/**
 * Whether a peer is one of those that a rule names.
 *
 * @example
 * ```ts
 * import { createAuthority, createDevice, peerMatches, verifyChain } from "@dhtnet/dhtnet/identity";
 * import assert from "node:assert/strict";
 * const authority = await createAuthority("my machines");
 * const peer = verifyChain((await createDevice("laptop", authority)).chain, new Date());
 * assert.ok(peerMatches({ authorities: [authority.id] }, peer));
 * assert.ok(!peerMatches({ ids: [authority.id] }, peer));
 * ```
 */
export function peerMatches(
  who: PeerSelection,
  peer: Pick<VerifiedChain, "id" | "chainIds">,
): boolean {
  const { ids = [], authorities = [] } = who;
  if (idSet(ids).has(peer.id)) return true;
  const trusted = idSet(authorities);
  return peer.chainIds.slice(1).some((id) => trusted.has(id));
}

/** A list speaks of the certificates that its CA's key signed: the next one's in the chain. */
function revocationOf(
  lists: readonly VerifiedRevocationList[],
  { chainIds, serialNumbers }: VerifiedChain,
): string | undefined {
  for (const { authorityId, revocations } of lists) {
    for (const [index, serialNumber] of serialNumbers.entries()) {
      // The last certificate of a chain is signed by its own key.
      if ((chainIds[index + 1] ?? chainIds[index]) !== authorityId) continue;
      const revocation = revocations.get(serialNumber);
      if (revocation === undefined) continue;
      const whose = index === 0 ? "this device's certificate" : `the CA ${chainIds[index]}`;
      const why = revocation.reason === undefined ? "" : ` (${revocation.reason})`;
      return `${whose} was revoked on ${revocation.revokedAt.toISOString()}${why}`;
    }
  }
  return undefined;
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Rules may name thousands of ids and are asked for every channel. */
function idSet(ids: readonly string[]): ReadonlySet<string> {
  let set = sets.get(ids);
  if (set === undefined) sets.set(ids, set = new Set(ids.map((id) => id.toLowerCase())));
  return set;
}
