import { type Path, pathKey } from "./candidate.ts";

/** A check that came before the peer's credentials did (RFC 8445 §7.3). */
export interface EarlyCheck {
  readonly path: Path;
  readonly priority: number;
  readonly nominate: boolean;
  /** The sender's ufrag, to be compared when it is known. */
  readonly from: string;
}

/** Keeps the early checks, one for each path and sender, a bounded number of them. */
export class EarlyChecks {
  readonly #byKey = new Map<string, EarlyCheck>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Remembers a check; a later nomination on the same path is not forgotten. */
  add(check: EarlyCheck): void {
    const key = `${check.from} ${pathKey(check.path)}`;
    const known = this.#byKey.get(key);
    if (!known && this.#byKey.size >= this.#limit) return;
    this.#byKey.set(key, known?.nominate ? { ...check, nominate: true } : check);
  }

  /** Removes and returns the checks of this sender; others are not from our peer. */
  take(from: string): EarlyCheck[] {
    const checks = [...this.#byKey.values()].filter((check) => check.from === from);
    this.#byKey.clear();
    return checks;
  }
}
