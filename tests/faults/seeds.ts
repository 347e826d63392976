/**
 * Runs a simulation for many seeds. A seed that fails is named, and run again alone by
 * `FAULT_SEED=… deno test -A tests/faults`; `FAULT_SEEDS=…` asks for more of them than the unit run.
 */
export async function forEachSeed(
  count: number,
  simulate: (seed: number) => Promise<void> | void,
): Promise<void> {
  const only = Deno.env.get("FAULT_SEED");
  const more = Number(Deno.env.get("FAULT_SEEDS") ?? 0);
  const total = Math.max(count, more);
  const seeds = only === undefined
    ? Array.from({ length: total }, (_, n) => n + 1)
    : [Number(only)];
  for (const seed of seeds) {
    try {
      await simulate(seed);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}: ${why} (again with FAULT_SEED=${seed})`, { cause });
    }
  }
}
