import { type LocalCandidate, type Path, pathKey } from "./candidate.ts";

/** A TCP connection that checks travel on. */
export interface Connection {
  readonly path: Path;
  /** The active candidate that dialled, or the passive one that was dialled. */
  readonly candidate: LocalCandidate;
  readonly since: number;
  /** An authenticated request came in on it, or we made it. */
  proven: boolean;
}

/** The TCP connections of an agent, over all generations. */
export class Connections {
  readonly #byKey = new Map<string, Connection>();

  get size(): number {
    return this.#byKey.size;
  }

  add(path: Path, candidate: LocalCandidate, since: number, proven: boolean): void {
    this.#byKey.set(pathKey(path), { path, candidate, since, proven });
  }

  get(path: Path): Connection | undefined {
    return this.#byKey.get(pathKey(path));
  }

  delete(path: Path): boolean {
    return this.#byKey.delete(pathKey(path));
  }

  /** Removes and returns the connections for which the predicate holds. */
  take(predicate: (connection: Connection) => boolean): Connection[] {
    const taken = [...this.#byKey.values()].filter(predicate);
    for (const { path } of taken) this.delete(path);
    return taken;
  }

  /** When the oldest that nobody proved has been idle long enough. */
  idleAt(idleMs: number): number | undefined {
    let earliest: number | undefined;
    for (const { since, proven } of this.#byKey.values()) {
      if (!proven && (earliest === undefined || since + idleMs < earliest)) {
        earliest = since + idleMs;
      }
    }
    return earliest;
  }
}
