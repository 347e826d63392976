import { decodeCandidate, encodeCandidate } from "../ice/mod.ts";
import type { IceDescription } from "./negotiation.ts";
import type { Offer, SignallingOptions } from "./signalling/mod.ts";

/** An ICE description as the signalling messages carry it. */
export function encodeOffer(description: IceDescription, options: SignallingOptions): Offer {
  const { ufrag, pwd, candidates } = description;
  return { ufrag, pwd, candidates: candidates.map(encodeCandidate), options };
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
