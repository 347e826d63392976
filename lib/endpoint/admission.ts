import { getLogger } from "@logtape/logtape";
import type { ChannelRequest } from "../session/mod.ts";
import { NOT_AUTHORIZED } from "./errors.ts";
import type { PeerInfo, PeerSession } from "./peer_session.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/**
 * Holds peers to the application's policy, which may change while they are connected: at the
 * handshake, when the connection stands, for every channel, and when told to look again.
 */
export class Admission {
  readonly #authorize: (peer: PeerInfo) => string | undefined;
  /** Sessions whose peers the policy let in; we may dial others, who then may ask nothing of us. */
  readonly #admitted = new WeakSet<PeerSession>();

  /** @param authorize see {@linkcode EndpointOptions.authorize} */
  constructor(authorize: (peer: PeerInfo) => string | undefined = () => undefined) {
    this.#authorize = authorize;
  }

  /** Why the policy refuses this peer now; a policy that fails, or gives no reason, lets nobody in. */
  refusal(peer: PeerInfo): string | undefined {
    try {
      const reason: unknown = this.#authorize(peer);
      if (reason === undefined || typeof reason === "string") return reason;
      throw new TypeError("authorize() is to return a string or undefined, at once");
    } catch (error) {
      log.error("the policy failed, {peer} is refused: {error}", { peer: peer.id, error });
      return "this device cannot decide now whom to let in";
    }
  }

  /** A session begins; the policy may have changed since its handshake. */
  begin(session: PeerSession): void {
    const reason = this.refusal(session.peer);
    if (reason === undefined) this.#admitted.add(session);
    else if (!session.outgoing) end(session, reason);
  }

  /** Whether the peer may ask for a channel; else the request is declined. */
  permits(peer: PeerInfo, request: ChannelRequest): boolean {
    const reason = this.refusal(peer);
    if (reason !== undefined) request.decline(NOT_AUTHORIZED, reason);
    return reason === undefined;
  }

  /** Ends the sessions of peers that were let in and would not be now; how many they are. */
  recheck(sessions: Iterable<PeerSession>): number {
    let ended = 0;
    for (const session of [...sessions]) {
      if (!this.#admitted.has(session)) continue;
      const reason = this.refusal(session.peer);
      if (reason === undefined) continue;
      end(session, reason);
      ended++;
    }
    return ended;
  }
}

function end(session: PeerSession, reason: string): void {
  log.info("ending the session with {peer}: {reason}", { peer: session.peer.id, reason });
  session.fail(reason, NOT_AUTHORIZED);
}
