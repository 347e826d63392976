import { isFileOrMemory } from "../../lib/net/own_file.ts";
import { RoomyPipe } from "../../lib/net/roomy_pipe.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { BulkWay } from "./bulk_way.ts";
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

const bulkInput = new BulkWay(() => {
  const pipe = RoomyPipe.open(0, "read");
  if (pipe !== undefined) return (into) => pipe.read(into);
  return isFileOrMemory(0) ? (into) => Deno.stdin.readSync(into) ?? 0 : undefined;
});
const bulkOutput = new BulkWay(() => {
  const pipe = RoomyPipe.open(1, "write");
  if (pipe !== undefined) return (bytes) => pipe.write(bytes);
  return isFileOrMemory(1) ? (bytes) => Deno.stdout.writeSync(bytes) : undefined;
});

/** Standard input and output of this process. */
export const STANDARD_STREAMS: StandardStreams = {
  input: {
    isTerminal: () => Deno.stdin.isTerminal(),
    async read(into) {
      try {
        const ready = bulkInput.carry(into);
        if (ready > 0) return ready;
        const count = await Deno.stdin.read(into);
        bulkInput.met(count ?? 0);
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
        bulkOutput.met(bytes.length);
        const taken = bulkOutput.carry(bytes);
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

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
