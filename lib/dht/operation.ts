import type { Engine } from "./engine.ts";
import type { Overlay } from "./overlay.ts";
import type { QueryPacket } from "./packet.ts";
import type { Storage, StorageObserver } from "./storage.ts";
import type { DhtValue } from "./value.ts";

/** Something that the node does until it is done or cancelled. */
export interface Operation {
  /** Stops it; none of its callbacks is called afterwards. */
  cancel(): void;
}

/** A get under way. */
export interface RunningGet extends Operation {
  /** Referrals to the first node that had a value, 1 for a node that we knew; undefined until then. */
  readonly hops: number | undefined;
  /** Referrals to the farthest of the eight closest nodes. */
  readonly depth: number;
}

/** What get, put and listen work with. */
export interface OperationContext {
  readonly engine: Engine;
  /** One for each address family in use. */
  readonly overlays: readonly Overlay[];
  readonly storage: Storage;
  /** Who takes updates, by sid. */
  readonly updateSinks: Map<number, UpdateSink>;
  /** Operations that go on until cancelled, and start anew when our address changed. */
  readonly persistent: Set<{ restart(now: number): void }>;
  /** Who follows what we store ourselves. */
  readonly storageObservers: Set<StorageObserver>;
}

/** Takes the updates for one sid. */
export type UpdateSink = (
  packet: QueryPacket,
  values: DhtValue[],
  from: string,
  now: number,
) => void;

/** Callbacks get values in arrays that are theirs to keep. */
export type ValuesCallback = (values: DhtValue[]) => void;
