/**
 * What a connected `dvpn` takes while nothing is carried: `deno run -A bench/dvpn_idle.ts [minutes]`,
 * by default 10. Needs root.
 */
import { DvpnLab } from "../tests/lab/dvpn_lab.ts";
import { numberArguments } from "./arguments.ts";
import { memoryMiB, processorMs } from "./dvpn/measures.ts";
import { dvpn } from "./dvpn/rivals.ts";
import { printTable } from "./table.ts";

const usage = "deno run -A bench/dvpn_idle.ts [minutes, default 10]";
const [minutes] = numberArguments(usage, [{ default: 10 }]);
/** What connecting leaves to be done is done by then, ms. */
const SETTLE_MS = 20_000;

await using lab = await DvpnLab.create();
const { processes } = await dvpn(lab);
try {
  await pause(SETTLE_MS);
  const before = await Promise.all(processes.map(({ pid }) => processorMs(pid)));
  await pause(minutes * 60_000);
  const after = await Promise.all(processes.map(({ pid }) => processorMs(pid)));
  const memory = await Promise.all(processes.map(({ pid }) => memoryMiB(pid)));
  printTable(
    [`idle for ${minutes} min`, "memory, MiB", "processor, s", "of a core"],
    ["server", "client"].map((name, index) => {
      const usedMs = after[index]! - before[index]!;
      const share = usedMs / (minutes * 60_000);
      return [
        name,
        memory[index]!.toFixed(0),
        (usedMs / 1_000).toFixed(1),
        `${(share * 100).toFixed(2)} %`,
      ];
    }),
  );
} finally {
  for (const process of processes) await process[Symbol.asyncDispose]();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
