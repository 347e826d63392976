import { type Candidate, decodeCandidate, encodeCandidate } from "../ice/mod.ts";
import type { IceDescription } from "./negotiation.ts";
import { MAX_CANDIDATES, type Offer, type SignallingOptions } from "./signalling/mod.ts";

/** Server-reflexive candidates that are told at most, where not all fit. */
const MAX_REFLEXIVE = 12;

/**
 * An ICE description as the signalling messages carry it. Related addresses stay here: they would
 * tell the peer what a relay is there to hide, and only serve diagnosis (RFC 8839 §5.1).
 */
export function encodeOffer(description: IceDescription, options: SignallingOptions): Offer {
  const { ufrag, pwd, candidates } = description;
  return { ufrag, pwd, candidates: mostUseful(candidates).map(encodeAlone), options };
}

/**
 * As many as a peer takes. A host with many addresses has more of them: relays connect everybody,
 * and the addresses that the system names first are worth more than its bridges to containers.
 */
function mostUseful(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.length <= MAX_CANDIDATES) return candidates;
  const [relayed, reflexive, host] = (["relay", "srflx", "host"] as const).map((wanted) =>
    candidates.filter(({ type }) => type === wanted)
  ) as [Candidate[], Candidate[], Candidate[]];
  return [...relayed, ...reflexive.slice(0, MAX_REFLEXIVE), ...host].slice(0, MAX_CANDIDATES);
}

function encodeAlone({ related: _related, ...candidate }: Candidate): Uint8Array {
  return encodeCandidate(candidate);
}

/** The ICE description in a signalling message; candidates that make no sense are left out. */
export function decodeOffer({ ufrag, pwd, candidates }: Offer): IceDescription {
  return {
    ufrag,
    pwd,
    candidates: candidates.flatMap((bytes) => {
      try {
        return [decodeCandidate(bytes)];
      } catch {
        return []; // of a kind that a newer peer knows
      }
    }),
  };
}
