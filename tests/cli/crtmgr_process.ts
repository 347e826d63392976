import { toolCommand, type ToolResult } from "./tool_process.ts";

/** A wizard that has not ended by then goes round in circles. */
const TIMEOUT_MS = 30_000;

/** How `crtmgr` is run. */
export interface CrtmgrRun {
  /** What it reads from standard input; nothing by default. */
  readonly input?: string | ReadableStream<Uint8Array>;
  /** Further environment variables. */
  readonly env?: Record<string, string>;
  /** The folder that it runs in. */
  readonly cwd?: string;
}

let modules: Promise<string> | undefined;

/** Runs `crtmgr` to its end. */
export async function crtmgr(args: readonly string[], run: CrtmgrRun = {}): Promise<ToolResult> {
  const { input = "", env = {}, cwd } = run;
  // With another home directory the runtime would look for its modules there.
  modules ??= moduleFolder();
  const child = toolCommand("crtmgr", args, {
    env: { DENO_DIR: await modules, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).spawn();
  const source = typeof input === "string" ? new Response(input).body! : input;
  // It may have ended before it has read everything.
  source.pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A test in a folder of its own. */
export function inFolder(name: string, test: (folder: string) => Promise<void>): void {
  Deno.test(`crtmgr: ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await test(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** The permission bits of a file. */
export async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode! & 0o777).toString(8).padStart(4, "0");
}

async function moduleFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
