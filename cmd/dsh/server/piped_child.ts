import { FrameType } from "../protocol/frame.ts";
import { type Child, exitOf, type OutputSource, trySignal } from "./child.ts";
import { type Launch, launchCommand } from "./launch.ts";

/** Bytes per read: what a pipe holds. */
const READ_BYTES = 64 * 1024;

/**
 * Starts a program whose standard streams are pipes.
 *
 * @throws {Error} when the system cannot start it
 */
export function startPiped(launch: Launch): Child {
  const { command, args, env } = launchCommand(launch, undefined);
  const child = new Deno.Command(command, {
    args,
    env,
    clearEnv: true,
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { pid } = child;
  const input = child.stdin.getWriter();
  // A program that does not read its input is no failure.
  input.closed.catch(() => {});
  const output = pipe(FrameType.output, child.stdout);
  const errorOutput = pipe(FrameType.errorOutput, child.stderr);
  return {
    pid,
    outputs: [output, errorOutput],
    status: child.status.then(exitOf),
    write: (bytes) => input.write(bytes).catch(() => {}),
    endInput: () => void input.close().catch(() => {}),
    resize() {},
    signal: (signal) => void trySignal(-pid, signal),
    release: () => void input.abort().catch(() => {}),
    close() {
      input.abort().catch(() => {});
      output.cancel();
      errorOutput.cancel();
    },
  };
}

function pipe(
  type: FrameType,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): OutputSource & { cancel(): void } {
  const reader = stream.getReader({ mode: "byob" });
  let buffer = new Uint8Array(READ_BYTES);
  return {
    type,
    async read() {
      const { value, done } = await reader.read(buffer);
      if (done || value === undefined) return null;
      // Reading hands the memory over; what comes back stands for the same.
      buffer = new Uint8Array(value.buffer);
      return value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
