/**
 * Sends the sealed answer; only the first call counts, and none is no answer. Where somebody else keeps
 * it for the dialer, it is looked after until `arrived`, which may stay pending.
 */
export type Reply = (sealedAnswer: Uint8Array, arrived?: Promise<void>) => void;

/** What a listener does with a request that a carrier brings. It never throws. */
export type RequestReceiver = (
  /** The sealed request. */
  sealed: Uint8Array,
  reply: Reply,
  /** Who brought it, for rate limits: an address where there is one, else the carrier's name. */
  source: string,
) => void;

/** How to carry a request. */
export interface CarryOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Told how many places keep the request until the peer comes for it, where there are such places. */
  readonly onStored?: ((places: number) => void) | undefined;
  /**
   * Whether an answer is the true one. Where strangers can put answers, the carrier goes on waiting
   * on `false`. Every answer is taken when absent. What it throws ends the request.
   */
  readonly accept?: (sealedAnswer: Uint8Array) => boolean | Promise<boolean>;
}

/** A listener's place at a carrier. */
export interface CarrierListener {
  /** Takes no more requests; what was held is free when it resolves. */
  close(): Promise<void>;
}

/**
 * What carries sealed messages between devices that have no connection yet: the DHT, a TCP
 * connection to a known address, or memory. It sees ciphertext only, and is trusted with nothing.
 */
export interface SignallingCarrier {
  /**
   * Carries a request to a listener and waits for the answer.
   *
   * @param listenerId 64 lower-case hexadecimal characters
   * @throws {SignallingError} `unreachable`, `timeout`, `unreadable`; or the signal's reason
   */
  request(
    listenerId: string,
    sealedRequest: Uint8Array,
    options?: CarryOptions,
  ): Promise<Uint8Array>;
  /** Brings the requests for an id, until closed. */
  listen(id: string, onRequest: RequestReceiver): Promise<CarrierListener>;
}
