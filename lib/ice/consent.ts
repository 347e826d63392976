/** Consent expires so long after the last answer (RFC 7675 §5.1). */
export const CONSENT_EXPIRY_MS = 30_000;
/** Between consent checks, to be varied by ± 20 % (RFC 7675 §5.1). */
export const CONSENT_INTERVAL_MS = 5_000;

/** When to ask for consent on the nominated path, and whether it is still given (RFC 7675). */
export class Consent {
  readonly #random: (length: number) => Uint8Array;
  #answeredAt: number;
  #nextAt: number;

  /** The nomination itself was an answer. */
  constructor(now: number, random: (length: number) => Uint8Array) {
    this.#random = random;
    this.#answeredAt = now;
    this.#nextAt = now + this.#interval();
  }

  /** A consent check was answered. */
  renew(now: number): void {
    this.#answeredAt = now;
  }

  /** What to do now: send a check, give up the path, or nothing. */
  due(now: number): "send" | "lost" | undefined {
    if (now >= this.#answeredAt + CONSENT_EXPIRY_MS) return "lost";
    if (now < this.#nextAt) return undefined;
    this.#nextAt = now + this.#interval();
    return "send";
  }

  pollTimeout(): number {
    return Math.min(this.#nextAt, this.#answeredAt + CONSENT_EXPIRY_MS);
  }

  #interval(): number {
    return CONSENT_INTERVAL_MS * (0.8 + 0.4 * this.#random(1)[0]! / 255);
  }
}

/** Keeps a selected path alive and watches it: by consent checks, or by keepalives alone. */
export class PathWatch {
  readonly #consent: Consent | undefined;
  readonly #keepaliveMs: number;
  #keepaliveAt: number;

  constructor(
    settings: { readonly consent: boolean; readonly keepaliveMs: number },
    random: (length: number) => Uint8Array,
    now: number,
  ) {
    this.#consent = settings.consent ? new Consent(now, random) : undefined;
    this.#keepaliveMs = settings.keepaliveMs;
    this.#keepaliveAt = now + settings.keepaliveMs;
  }

  /** A consent check was answered. */
  renew(now: number): void {
    this.#consent?.renew(now);
  }

  /** What to do now. Consent checks serve as keepalives too (RFC 8445 §11). */
  due(now: number): "send" | "lost" | "keepalive" | undefined {
    if (this.#consent) return this.#consent.due(now);
    if (now < this.#keepaliveAt) return undefined;
    this.#keepaliveAt = now + this.#keepaliveMs;
    return "keepalive";
  }

  pollTimeout(): number {
    return this.#consent?.pollTimeout() ?? this.#keepaliveAt;
  }
}
