import { DECODERS } from "./decoders.ts";
import { fileDecoders } from "./files.ts";
import { STATE_MACHINES } from "./state_machines.ts";
import type { FuzzTarget } from "./target.ts";

/** Everything that takes bytes from strangers. */
export async function allTargets(): Promise<readonly FuzzTarget[]> {
  return [...DECODERS, ...await fileDecoders(), ...STATE_MACHINES];
}
