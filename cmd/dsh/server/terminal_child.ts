import { Pty, type TerminalSize } from "../../../lib/net/pty.ts";
import { FrameType } from "../protocol/frame.ts";
import { type Child, exitOf, trySignal } from "./child.ts";
import { type Launch, launchCommand } from "./launch.ts";
import { foregroundGroup } from "./process_table.ts";

/** Bytes per read: more than a terminal ever gives at once. */
const READ_BYTES = 64 * 1024;
/** What ends the input at a terminal: Ctrl-D. */
const END_OF_TRANSMISSION = 0x04;
/** CR and LF. */
const LINE_ENDS: ReadonlySet<number> = new Set([0x0d, 0x0a]);
/** Mode of a terminal's device: its user, and `write` of the terminal's group (tty(4)). */
const DEVICE_MODE = 0o620;

/**
 * Starts a program at a terminal of its own.
 *
 * @throws {Error} when the system has no terminal left, or cannot start it
 */
export function startAtTerminal(launch: Launch, size: TerminalSize): Child {
  const pty = Pty.open(size);
  let child: Deno.ChildProcess;
  try {
    const { uid } = launch.account;
    if (uid !== Deno.uid()) {
      Deno.chownSync(pty.path, uid, null);
      Deno.chmodSync(pty.path, DEVICE_MODE);
    }
    const { command, args, env } = launchCommand(launch, pty.path);
    // What goes wrong before the program has its terminal is told to whoever runs the server.
    const streams = { stdin: "null", stdout: "null", stderr: "inherit" } as const;
    child = new Deno.Command(command, { args, env, clearEnv: true, cwd: "/", ...streams }).spawn();
  } catch (error) {
    pty.close();
    throw error;
  }
  const { pid } = child;
  const buffer = new Uint8Array(READ_BYTES);
  let isLineBegun = false;
  return {
    pid,
    outputs: [{
      type: FrameType.output,
      read: () =>
        pty.read(buffer).then((count) => count === null ? null : buffer.subarray(0, count)),
    }],
    status: exitOf(child),
    writeNow(bytes) {
      const count = pty.writeNow(bytes);
      if (count > 0) isLineBegun = !LINE_ENDS.has(bytes[count - 1]!);
      return count;
    },
    async write(bytes) {
      isLineBegun = !LINE_ENDS.has(bytes.at(-1)!);
      for (let at = 0; at < bytes.length;) {
        const count = await pty.write(bytes.subarray(at));
        if (count === 0) return;
        at += count;
      }
    },
    // Within a line, the first one only hands over what has been typed of it.
    endInput: () => void pty.write(new Uint8Array(isLineBegun ? 2 : 1).fill(END_OF_TRANSMISSION)),
    resize: (to) => pty.resize(to),
    signal: (signal) => void trySignal(-(foregroundGroup(pid) ?? pid), signal),
    release: () => pty.release(),
    close: () => pty.close(),
  };
}
