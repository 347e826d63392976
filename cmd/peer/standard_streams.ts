import { Fifo } from "../../lib/net/fifo.ts";
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

/** A pipe at one of our descriptors, if it is one, held for bulk data once there is some. */
class BulkPipe {
  /** The hold: as long as the process. */
  fifo: Fifo | undefined;
  #looked = false;

  constructor(readonly descriptor: number, readonly use: "read" | "write") {}

  /** So many bytes came, or go, at once. */
  carried(bytes: number): void {
    if (this.#looked || bytes < BULK_BYTES) return;
    this.#looked = true;
    this.fifo = Fifo.behind(this.descriptor, this.use);
  }
}

const inputPipe = new BulkPipe(0, "read");
const outputPipe = new BulkPipe(1, "write");

/** Standard input and output of this process. */
export const STANDARD_STREAMS: StandardStreams = {
  input: {
    isTerminal: () => Deno.stdin.isTerminal(),
    async read(into) {
      try {
        const waiting = inputPipe.fifo?.read(into) ?? 0;
        if (waiting > 0) return waiting;
        const count = await Deno.stdin.read(into);
        inputPipe.carried(count ?? 0);
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
        outputPipe.carried(bytes.length);
        const taken = outputPipe.fifo?.write(bytes) ?? 0;
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
