import { type Candidate, decodeCandidate, encodeCandidate } from "../ice/mod.ts";
import type { IceDescription } from "./negotiation.ts";
import type { Offer, SignallingOptions } from "./signalling/mod.ts";

/**
 * An ICE description as the signalling messages carry it. Related addresses stay here: they would
 * tell the peer what a relay is there to hide, and only serve diagnosis (RFC 8839 §5.1).
 */
export function encodeOffer(description: IceDescription, options: SignallingOptions): Offer {
  const { ufrag, pwd, candidates } = description;
  return { ufrag, pwd, candidates: candidates.map(encodeAlone), options };
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
