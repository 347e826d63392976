import { RoomyPipe } from "../../lib/net/roomy_pipe.ts";
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
/** Standard input and output, once they have carried bulk data: undefined for what is no pipe. */
const roomy: { input?: RoomyPipe | undefined; output?: RoomyPipe | undefined } = {};

/** Standard input and output of this process. */
export const STANDARD_STREAMS: StandardStreams = {
  input: {
    isTerminal: () => Deno.stdin.isTerminal(),
    async read(into) {
      try {
        const ready = roomy.input?.read(into) ?? 0;
        if (ready > 0) return ready;
        const count = await Deno.stdin.read(into);
        if (!("input" in roomy) && isBulk(count ?? 0)) roomy.input = RoomyPipe.open(0, "read");
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
        if (!("output" in roomy) && isBulk(bytes.length)) roomy.output = RoomyPipe.open(1, "write");
        const taken = roomy.output?.write(bytes) ?? 0;
        return taken > 0 ? taken : await Deno.stdout.write(bytes);
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

function isBulk(bytes: number): boolean {
  return bytes >= BULK_BYTES;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
