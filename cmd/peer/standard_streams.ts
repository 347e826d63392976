import { enlargePipe } from "../../lib/net/pipe_room.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import type { ByteSink, ByteSource } from "./peer_channel.ts";

/** Whoever reads our standard output has gone, as in `dnc … | head`: the quiet end of the work. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** The streams that a tool pipes, with errors that name them. */
export interface StandardStreams {
  readonly input: ByteSource & {
    /** Whether a person types at it. */
    isTerminal(): boolean;
  };
  readonly output: ByteSink;
}

/** As much at once, bytes, is bulk data: what a pipe holds until somebody gives it more room. */
const BULK_BYTES = 64 << 10;
/** Descriptors that have carried bulk data: if there is a pipe, it has been given room. */
const bulky = new Set<number>();

/** So many bytes come, or go, at once. */
function carries(descriptor: number, bytes: number): void {
  if (bytes < BULK_BYTES || bulky.has(descriptor)) return;
  bulky.add(descriptor);
  enlargePipe(descriptor);
}

/** Standard input and output of this process. */
export const STANDARD_STREAMS: StandardStreams = {
  input: {
    isTerminal: () => Deno.stdin.isTerminal(),
    async read(into) {
      try {
        const count = await Deno.stdin.read(into);
        carries(0, count ?? 0);
        return count;
      } catch (cause) {
        throw new ToolError(
          ExitCode.failure,
          `cannot read standard input: ${reason(cause)}`,
          { cause },
        );
      }
    },
  },
  output: {
    async write(bytes) {
      try {
        carries(1, bytes.length);
        return await Deno.stdout.write(bytes);
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
        throw new ToolError(
          ExitCode.failure,
          `cannot write to standard output: ${reason(cause)}`,
          { cause },
        );
      }
    },
  },
};

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
