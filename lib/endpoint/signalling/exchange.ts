import type { CarryOptions, SignallingCarrier } from "./carrier.ts";
import type { VerifiedPeer } from "./chain_verifier.ts";
import { type Answer, type Dialling, isForgery } from "./dialling.ts";
import { SignallingError } from "./signalling_error.ts";

/**
 * Carries a request and reads its answer; forged answers are passed over. The dial is over
 * afterwards, whatever comes of it.
 *
 * @throws {SignallingError} those of the carrier and of {@linkcode Dialling.readAnswer}; or the
 *   signal's reason
 */
export async function exchange<Peer extends VerifiedPeer>(
  carrier: SignallingCarrier,
  dialling: Dialling<Peer>,
  options: Pick<CarryOptions, "signal" | "onStored"> = {},
): Promise<Answer<Peer>> {
  let answer: Answer<Peer> | undefined;
  try {
    await carrier.request(dialling.listenerId, dialling.sealed, {
      ...options,
      accept: async (sealed) => {
        try {
          answer = await dialling.readAnswer(sealed);
          return true;
        } catch (error) {
          if (isForgery(error) || isCopy(error)) return false;
          throw error;
        }
      },
    });
    return answer!;
  } finally {
    dialling.close();
  }
}

/** A carrier may bring the answer again while it is being read. */
function isCopy(error: unknown): boolean {
  return error instanceof SignallingError && error.code === "used";
}
