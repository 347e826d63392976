/** Where bytes come from: the shape of `Deno.stdin`, of a TCP connection, and of a channel. */
export interface ByteSource {
  /** Fills a part of the buffer; the number of bytes, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/** Where bytes go to: the shape of `Deno.stdout`, of a TCP connection, and of a channel. */
export interface ByteSink {
  /** Takes some of the bytes and tells how many; waits while it is full. */
  write(bytes: Uint8Array): Promise<number>;
}

/** What a tool needs of a channel to a peer; `Channel` of the library has it all. */
export interface PeerChannel extends ByteSource, ByteSink {
  /** What the channel is for, see {@linkcode formatServiceName}. */
  readonly name: string;
  /** Settled once the peer has accepted or declined. */
  readonly opened: Promise<void>;
  /**
   * Resolves when both directions have ended and the peer has everything that was written; rejects
   * when the channel ended in another way.
   */
  readonly closed: Promise<void>;
  /** Ends our direction after what was written. */
  closeWrite(): Promise<void>;
  /** Aborts both directions. */
  reset(code?: number): void;
  /** Ends both directions in order. */
  close(): void;
}

/** What a peer's certificates say about it, as far as services choose by it. */
export interface PeerCertificates {
  /** Its id. */
  readonly id: string;
  /** The ids of all its certificates: its own first, then those of the CAs above. */
  readonly chainIds: readonly string[];
}

/** A peer's wish to open a channel. */
export interface IncomingChannel {
  /** Who asks. */
  readonly peer: PeerCertificates;
  /** What the channel is to be for. */
  readonly name: string;
  /** Opens it. */
  accept(): PeerChannel;
  /** Says no, with one of {@linkcode DeclineCode} and a sentence for the peer's user. */
  decline(code: number, reason: string): void;
}

/** The path to a peer, for `--status`. */
export interface PeerPath {
  readonly kind: string;
  readonly local: string;
  readonly remote: string;
  readonly relayed: boolean;
}

/** Whatever opens channels to peers: an endpoint, or another process that has one. */
export interface Dialler {
  /** Dials a peer and opens a channel. */
  connect(
    id: string,
    channelName: string,
    options?: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<PeerChannel>;
  /** What is going on, for `--status`. */
  status(): {
    readonly sessions: readonly {
      readonly peer: { readonly id: string };
      readonly path: PeerPath | undefined;
      readonly roundTripMs: number | undefined;
    }[];
  };
}

/** What a tool needs of an endpoint; `Endpoint` of the library has it all. */
export interface PeerEndpoint extends Dialler {
  /** Our own id. */
  readonly id: string;
  /** Makes us reachable; resolves when peers can find us, as far as that can be known. */
  listen(): Promise<void>;
  /** Channels that peers ask for. */
  incoming(): AsyncIterable<IncomingChannel>;
  /** Ends all sessions in order and leaves the network. */
  close(): Promise<void>;
}

/**
 * Why a tool declines a channel; 256, 257 and 260 are those of the library for a name that nothing
 * serves, for too many requests, and for a peer that may not.
 */
export const DeclineCode = {
  /** The target is not on the allow-list, or there is no such service here: exit code 3. */
  notAllowed: 256,
  /** The target is allowed, but failed in another way than the ones below: exit code 1. */
  targetFailed: 258,
  /** The one connection that is served is taken: exit code 1. */
  occupied: 259,
  /** The target is allowed, but refused the connection: exit code 1. */
  targetRefused: 262,
  /** The target is allowed, but there is no way to it, or it does not answer: exit code 1. */
  targetUnreachable: 263,
} as const;
