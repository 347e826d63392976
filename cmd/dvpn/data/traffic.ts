/** Why packets were not passed on. */
export interface Drops {
  /** They were no packets, or asked for what does not fit them. */
  malformed: number;
  /** They came from, or were for, an address that is not the peer's. */
  spoofed: number;
  /** No rule allows them. */
  forbidden: number;
  /** The peer did not take what came before soon enough. */
  congested: number;
  /** Our kernel did not take them. */
  refused: number;
}

/** What a peer and we have exchanged; segmented packets count as one. */
export class Traffic {
  packetsSent = 0;
  /** IP packets, without what carries them. */
  bytesSent = 0;
  packetsReceived = 0;
  bytesReceived = 0;
  /** Of the packets, those that did not go by the session. */
  packetsSentAsDatagrams = 0;
  packetsReceivedAsDatagrams = 0;
  readonly drops: Drops = { malformed: 0, spoofed: 0, forbidden: 0, congested: 0, refused: 0 };
}
