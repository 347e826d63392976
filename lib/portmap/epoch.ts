/** How far a router's seconds and ours may drift apart, in seconds (RFC 6887 §8.5). */
const TOLERANCE_S = 2;

interface Observation {
  readonly serverS: number;
  readonly clientS: number;
}

/**
 * Tells from the epoch in each answer whether a router has lost its mappings: it restarted, or its
 * external address changed.
 */
export class Epoch {
  #last: Observation | undefined;

  /**
   * Takes an epoch as a PCP server gave it.
   *
   * @param serverS in seconds
   * @param now in milliseconds
   * @returns whether the server has lost its state since the last call (RFC 6887 §8.5)
   */
  observePcp(serverS: number, now: number): boolean {
    const last = this.#observe(serverS, now);
    if (last === undefined) return false;
    if (serverS + 1 < last.serverS) return true;
    const server = serverS - last.serverS, client = now / 1000 - last.clientS;
    return client + TOLERANCE_S < server - server / 16 ||
      server + TOLERANCE_S < client - client / 16;
  }

  /**
   * Takes an epoch as a NAT-PMP server gave it.
   *
   * @param serverS in seconds
   * @param now in milliseconds
   * @returns whether the server has lost its state since the last call (RFC 6886 §3.6)
   */
  observeNatPmp(serverS: number, now: number): boolean {
    const last = this.#observe(serverS, now);
    if (last === undefined) return false;
    const expected = last.serverS + (now / 1000 - last.clientS) * 7 / 8;
    return serverS < expected - TOLERANCE_S;
  }

  #observe(serverS: number, now: number): Observation | undefined {
    const last = this.#last;
    this.#last = { serverS, clientS: now / 1000 };
    return last;
  }
}
