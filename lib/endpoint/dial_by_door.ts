import type { VerifiedChain } from "../identity/mod.ts";
import type { Pipe } from "../net/mod.ts";
import type { EndpointContext, Established } from "./context.ts";
import { refused } from "./dial_errors.ts";
import { type DoorAnswer, doorOffer, knock, type KnownDoor } from "./door/mod.ts";
import { HeldPipe } from "./held_pipe.ts";
import { decodeOffer } from "./offer.ts";
import { type Answer, createRequest } from "./signalling/mod.ts";
import type { AttemptTrace } from "./trace.ts";

/**
 * Dials a peer whose door is known.
 *
 * @param on `onConnected` is called when somebody is there, `onAnswer` when the peer has answered
 * @returns undefined when nobody answers there, or not the peer: the door is forgotten then
 * @throws {ConnectError} when the peer refuses
 * @throws {SimultaneousDial} when the peer's own dial wins
 */
export async function dialByDoor(
  context: EndpointContext,
  peerId: string,
  door: KnownDoor,
  signal: AbortSignal,
  on: { readonly onConnected: () => void; readonly onAnswer: () => void },
  trace: AttemptTrace | undefined,
): Promise<Established | undefined> {
  let answered: DoorAnswer;
  try {
    const makeDialling = () => requestAt(context, peerId);
    answered = await knock(door, { makeDialling, onConnected: on.onConnected }, signal, trace);
  } catch {
    if (!signal.aborted) context.doors?.forget(peerId, door);
    return undefined;
  }
  const { answer, pipe } = answered;
  on.onAnswer();
  if (answer.kind === "refused") {
    trace?.step({ type: "answer", accepted: false, reason: answer.reason });
    throw refused(peerId, answer);
  }
  trace?.step({ type: "answer", accepted: true });
  context.doors?.opened(peerId, door);
  const { keys, peer, body } = answer;
  return { keys, peer, peerListens: body.options.listening ?? false, pipe: pipe! };
}

async function requestAt(context: EndpointContext, peerId: string) {
  const { identity, random, kem, transport, verifyChain } = context;
  const listening = context.listening() ? { listening: true } : {};
  return createRequest({
    identity,
    listenerId: peerId,
    offer: doorOffer({ transport, ...listening }),
    encapsulationKeys: await kem.generateKeyPair(),
    way: "door",
    random,
    wallClock: Date.now,
    verifyChain,
  });
}

/**
 * Remembers a peer's door when the pipe that a carrier led to shows that no NAT is in front of it: the
 * peer's end is an address of its own.
 */
export function learnDoor(
  { doors, transport }: EndpointContext,
  pipe: Pipe,
  { peer, body }: Answer<VerifiedChain> & { kind: "accepted" },
): void {
  const { door, transport: theirs, quicCertificateHash } = body.options;
  if (doors === undefined || door === undefined) return;
  if (pipe instanceof HeldPipe && pipe.relayed) return;
  const { ip } = pipe.remote;
  const isTheirs = decodeOffer(body).candidates
    .some(({ type, address }) => type === "host" && address.ip === ip);
  const isQuic = theirs === "quic";
  if (!isTheirs || transport === (isQuic ? "tcp" : "quic")) return;
  if (isQuic && quicCertificateHash === undefined) return;
  doors.learn(peer.id, {
    address: { ip, port: door },
    localIp: pipe.local.ip,
    sha256: isQuic ? quicCertificateHash : undefined,
  });
}
