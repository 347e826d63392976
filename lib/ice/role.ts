import { IceControlled, IceControlling, type StunMessage } from "../stun/mod.ts";

/** What a request's role attribute means for us (RFC 8445 §7.3.1.1). */
export type RoleVerdict =
  /** No conflict. */
  | "agreed"
  /** Conflict, and we gave way. */
  | "switched"
  /** Conflict, and the peer has to give way: answer 487. */
  | "conflict";

/** An agent's role and the tie-breaker that settles conflicts (RFC 8445 §6.1.1, §16.1). */
export class Role {
  /** Whether we nominate. */
  controlling: boolean;
  /** 64 random bits. */
  tieBreaker: bigint;
  readonly #random: (length: number) => Uint8Array;

  /** Without a tie-breaker one is drawn. */
  constructor(controlling: boolean, random: (length: number) => Uint8Array, tieBreaker?: bigint) {
    this.controlling = controlling;
    this.#random = random;
    this.tieBreaker = tieBreaker ?? this.#draw();
  }

  /** Compares roles with the sender of a request; switches when the rules say so. */
  judge(request: StunMessage): RoleVerdict {
    const theirs = this.controlling ? request.get(IceControlling) : request.get(IceControlled);
    if (theirs === undefined) return "agreed";
    // The larger tie-breaker controls: the controlling keeps on a tie, the controlled takes over.
    const ours = this.tieBreaker >= theirs;
    if (ours === this.controlling) return "conflict";
    this.controlling = !this.controlling;
    return "switched";
  }

  /**
   * A 487 came back for a request that we sent in this role: switch, and draw a new tie-breaker
   * (RFC 8445 §7.2.5.1). Returns whether the role changed; it does not when an earlier 487 has
   * changed it already.
   */
  yield(sentControlling: boolean): boolean {
    this.tieBreaker = this.#draw();
    if (this.controlling !== sentControlling) return false;
    this.controlling = !sentControlling;
    return true;
  }

  #draw(): bigint {
    return new DataView(this.#random(8).slice().buffer).getBigUint64(0);
  }
}
