import { loadLibc } from "../../../lib/net/system_libc.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import { waitAtMost } from "../../tool/waiting.ts";

/** A master that has not bound its socket by then is given up, ms. */
const START_TIMEOUT_MS = 15_000;
/** Of close_range(2): descriptors are not closed yet, but when another program takes over. */
const CLOSE_RANGE_CLOEXEC = 4;

/**
 * Starts a master in the background, where it goes on when we end: in a session of its own, so that
 * what ends the terminal does not end it.
 *
 * @param entry URL of the module that this process was started from
 * @param args our own command line, which says how to reach the peer
 * @throws {ToolError} with the master's message and exit code, when it does not start
 */
export async function startMaster(entry: string, args: readonly string[]): Promise<void> {
  const itself = Deno.build.standalone ? [] : ["run", "-A", "--unstable-net", entry];
  keepDescriptors();
  const master = spawn([...itself, "--control-master", ...args]);
  master.unref();
  const complaint = new Response(master.stderr).text();
  complaint.catch(() => {});
  const started = async () => {
    // It says where it listens; a master that fails says nothing there.
    const { value } = await master.stdout.getReader().read();
    if (value !== undefined) return;
    const { code } = await master.status;
    const text = (await complaint).trim().replace(/^dnc: /, "").replace(/\nTry: .*$/, "");
    throw new ToolError(code || ExitCode.failure, text || "the background dnc ended at once");
  };
  const begin = performance.now();
  await waitAtMost(started(), START_TIMEOUT_MS);
  if (performance.now() - begin >= START_TIMEOUT_MS) {
    throw new ToolError(ExitCode.failure, "the background dnc does not start");
  }
}

/** What our caller left open, a lock or a pipe, is not the master's to hold when we have ended. */
function keepDescriptors(): void {
  const libc = loadLibc({
    close_range: { parameters: ["u32", "u32", "i32"], result: "i32" },
  });
  libc?.symbols.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  libc?.close();
}

function spawn(args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(Deno.execPath(), {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot start the dnc that is to hold the connection: ${reason}`;
    throw new ToolError(ExitCode.failure, message, { cause });
  }
}
