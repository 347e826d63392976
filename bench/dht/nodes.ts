import { fileURLToPath } from "node:url";
import { printTable } from "../table.ts";
import type { Answers, Load } from "./load.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const deno = (script: string, ...args: string[]) => [
  Deno.execPath(),
  ...["run", "-A", "--unstable-net", "--no-check", here(script), ...args],
];

/**
 * Asks our node, a bare echo and OpenDHT's node the same, one after the other, and prints what each
 * answer cost.
 */
export async function compareNodes(): Promise<void> {
  const rows: string[][] = [];
  const nodes = [
    ["dhtnet", deno("./node.ts")],
    ["bare echo in Deno", deno("./echo.ts")],
    ["dhtnode", ["dhtnode"]],
  ] as const;
  for (const [name, command] of nodes) {
    const load = await ask(command);
    const { put, find, get } = load;
    const answered = (put.count + find.count + get.count) / (3 * load.queries);
    rows.push([
      name,
      ...[put, find, get].map(perSecond),
      (load.storedBytes / put.count).toFixed(0),
      `${(100 * answered).toFixed(1)} %`,
    ]);
  }
  console.log("queries answered in a second of processor time; a stored value has 100 bytes");
  printTable(["", "put", "find", "get", "bytes a value", "answered"], rows);
}

/** Queries that a node answers in a second of processor time: what it drops is no work done. */
export function perSecond({ count, cpuMs }: Answers): string {
  return (count / cpuMs * 1000).toFixed(0);
}

async function ask(command: readonly string[]): Promise<Load> {
  // A network of its own: dhtnode cannot be kept from listening on all addresses.
  const inside = 'ip link set lo up && exec "$@"';
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--net", "sh", "-c", inside, "sh", ...deno("./load.ts", ...command)],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as Load;
}
