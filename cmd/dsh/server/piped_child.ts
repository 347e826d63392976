import { FrameType, MAX_STREAM_BYTES } from "../protocol/frame.ts";
import { type Child, exitOf, type OutputSource, trySignal } from "./child.ts";
import { ChildPipe } from "./child_pipe.ts";
import { type Launch, launchCommand } from "./launch.ts";

/** Bytes per read: what a pipe holds. */
const READ_BYTES = 64 * 1024;
/** Once that was filled: what a frame holds. */
const BULK_READ_BYTES = MAX_STREAM_BYTES;

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
  const inputPipe = new ChildPipe(pid, 0, "write");
  const output = outputOf(FrameType.output, child.stdout, new ChildPipe(pid, 1, "read"));
  const errorOutput = outputOf(FrameType.errorOutput, child.stderr, new ChildPipe(pid, 2, "read"));
  const abortInput = () => {
    inputPipe.close();
    input.abort().catch(() => {});
  };
  return {
    pid,
    outputs: [output, errorOutput],
    status: exitOf(child),
    writeNow(bytes) {
      inputPipe.bulk.met(bytes.length);
      return inputPipe.bulk.carry(bytes);
    },
    write: (bytes) => input.write(bytes).catch(() => {}),
    endInput() {
      inputPipe.close();
      input.close().catch(() => {});
    },
    resize() {},
    signal: (signal) => void trySignal(-pid, signal),
    release: abortInput,
    close() {
      abortInput();
      output.cancel();
      errorOutput.cancel();
    },
  };
}

function outputOf(
  type: FrameType,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  pipe: ChildPipe,
): OutputSource & { cancel(): void } {
  const reader = stream.getReader({ mode: "byob" });
  let buffer = new Uint8Array(READ_BYTES);
  return {
    type,
    async read() {
      const ready = pipe.bulk.carry(buffer);
      if (ready > 0) return buffer.subarray(0, ready);
      const { value, done } = await reader.read(buffer);
      if (done || value === undefined) {
        pipe.close();
        return null;
      }
      pipe.bulk.met(value.length);
      // Reading hands the memory over; what comes back stands for the same.
      const isFull = value.length === READ_BYTES;
      buffer = isFull ? new Uint8Array(BULK_READ_BYTES) : new Uint8Array(value.buffer);
      return value;
    },
    cancel() {
      pipe.close();
      reader.cancel().catch(() => {});
    },
  };
}
