import type { VerifiedChain } from "../../identity/mod.ts";
import { dialQuic, dialTcp, type Pipe, StreamPipe } from "../../net/mod.ts";
import type { Answer, Dialling, Offer, SignallingOptions } from "../signalling/mod.ts";
import { encodeFrame, readFrame } from "../signalling/stream_frame.ts";
import type { AttemptTrace } from "../trace.ts";
import type { KnownDoor } from "./known_doors.ts";
import { doorProof } from "./proof.ts";

/** A connection to a door that is not made by then will not be, ms. */
const KNOCK_TIMEOUT_MS = 5_000;

/** The answer at a door, and the session's pipe when it is a yes. */
export type DoorAnswer =
  | { readonly answer: Answer<VerifiedChain> & { kind: "accepted" }; readonly pipe: Pipe }
  | { readonly answer: Answer<VerifiedChain> & { kind: "refused" }; readonly pipe: undefined };

/** What an offer says at a door: the connection is there, nothing needs to be checked. */
export function doorOffer(options: SignallingOptions): Offer {
  return { ufrag: "door", pwd: "none".repeat(6), candidates: [], options };
}

/**
 * Knocks at a peer's door and brings the request.
 *
 * @param how `makeDialling` makes the request, for the way `door`, while the connection is being made;
 *   `onConnected` is called when it is
 * @throws {NetError} `unreachable`, `timeout`, `aborted`, `closed`
 * @throws {SignallingError} when the answer is not the peer's, or unsound
 */
export async function knock(
  door: KnownDoor,
  how: {
    readonly makeDialling: () => Promise<Dialling<VerifiedChain>>;
    readonly onConnected?: () => void;
  },
  signal: AbortSignal,
  trace: AttemptTrace | undefined,
): Promise<DoorAnswer> {
  const connecting = connect(door, signal);
  trace?.followPipe(door.sha256 === undefined ? "tcp" : "quic", connecting);
  connecting.then(how.onConnected, () => {}); // awaited once the request is made
  const dialling = await how.makeDialling();
  let pipe: Pipe | undefined;
  const giveUp = () => void pipe?.abort();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    pipe = await connecting;
    signal.throwIfAborted();
    await pipe.write(encodeFrame(dialling.sealed));
    const answer = await dialling.readAnswer(await readFrame(pipe));
    signal.throwIfAborted();
    if (answer.kind === "refused") {
      giveUp();
      return { answer, pipe: undefined };
    }
    // Its first records follow, or fail as this does.
    pipe.write(doorProof(answer.keys.send)).catch(() => {});
    return { answer, pipe };
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    dialling.close();
    signal.removeEventListener("abort", giveUp);
  }
}

async function connect(
  { address, localIp, sha256 }: KnownDoor,
  signal: AbortSignal,
): Promise<Pipe> {
  const common = { timeoutMs: KNOCK_TIMEOUT_MS, signal };
  if (sha256 === undefined) return new StreamPipe(await dialTcp(address, { ...common, localIp }));
  const local = { ip: localIp, port: 0 };
  return await dialQuic({ ...common, local, remote: address, sha256 });
}
