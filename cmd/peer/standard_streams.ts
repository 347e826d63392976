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

/** Standard input and output of this process. */
export const STANDARD_STREAMS: StandardStreams = {
  input: {
    isTerminal: () => Deno.stdin.isTerminal(),
    async read(into) {
      try {
        return await Deno.stdin.read(into);
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
