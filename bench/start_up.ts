/**
 * How long a single file takes to start, against `deno run` of an empty script in the same run:
 * `deno task dist && deno run -A bench/start_up.ts [FILE]`.
 */
import { fileURLToPath } from "node:url";
import { presentPlatform } from "../cmd/dist/platform.ts";
import { median, printTable, quantile } from "./table.ts";

/** Starts of each; they take turns. */
const STARTS = 30;

const file = Deno.args[0] ??
  fileURLToPath(new URL(`../dist/dnc-${presentPlatform().suffix}`, import.meta.url));
const directory = await Deno.makeTempDir({ prefix: "dhtnet-bench-" });
try {
  const env = { XDG_CACHE_HOME: `${directory}/cache` };
  await Deno.mkdir(env.XDG_CACHE_HOME, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/empty.ts`, "");
  const programs: [name: string, words: string[]][] = [
    ["deno run of nothing", [Deno.execPath(), "run", `${directory}/empty.ts`]],
    ["--version", [file, "--version"]],
    ["--help", [file, "--help"]],
  ];
  const start = async ([program, ...args]: string[]) => {
    const begin = performance.now();
    const command = new Deno.Command(program!, { args, env, stdout: "null" });
    if (!(await command.output()).success) throw new Error(`${program} failed`);
    return performance.now() - begin;
  };
  // The first start unpacks.
  for (const [, words] of programs) await start(words);
  const tookMs = programs.map((): number[] => []);
  for (let i = 0; i < STARTS; i++) {
    for (const [index, [, words]] of programs.entries()) tookMs[index]!.push(await start(words));
  }
  const baseMs = median(tookMs[0]!);
  printTable(
    ["", "ms", "least", "ratio"],
    programs.map(([name], index) => [
      name,
      median(tookMs[index]!).toFixed(1),
      quantile(tookMs[index]!, 0).toFixed(1),
      `${(median(tookMs[index]!) / baseMs).toFixed(2)} x`,
    ]),
  );
} finally {
  await Deno.remove(directory, { recursive: true });
}
