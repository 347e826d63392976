import type { FrameType } from "../protocol/frame.ts";
import { type ProgramExit, realTimeSignal } from "../protocol/messages.ts";
import type { TerminalSize } from "../../../lib/net/pty.ts";

/** Where a program's bytes come from. */
export interface OutputSource {
  /** The frames in which they travel. */
  readonly type: FrameType;
  /** The next piece, valid until the next one is asked for; null at the end. */
  read(): Promise<Uint8Array | null>;
}

/** A program that runs for a peer, in a session (setsid) of its own. */
export interface Child {
  /** Process id, and id of its process session. */
  readonly pid: number;
  /** Standard output and error, or the terminal. */
  readonly outputs: readonly OutputSource[];
  /** How it ended. */
  readonly status: Promise<ProgramExit>;
  /** Gives it input, as far as there is room now: how many bytes. */
  writeNow(bytes: Uint8Array<ArrayBuffer>): number;
  /** Gives it input; resolves when it was taken, also when nobody reads it any more. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** No more input. */
  endInput(): void;
  /** Its terminal has a new size. */
  resize(size: TerminalSize): void;
  /** Sends a signal to the job in the foreground. */
  signal(signal: Deno.Signal): void;
  /** The program has ended: lets go of what was held for it; its output can still be read. */
  release(): void;
  /** Ends input and output at once. */
  close(): void;
}

/** How a process ended, as a peer is told; resolves when it has. */
export async function exitOf({ status }: Pick<Deno.ChildProcess, "status">): Promise<ProgramExit> {
  try {
    const { code, signal } = await status;
    return signal === null ? { code } : { signal };
  } catch (error) {
    // The runtime knows no real-time signals: one that has ended a process is a failure to it.
    const number = /^Invalid signal: (\d+)$/.exec(error instanceof Error ? error.message : "")?.[1];
    if (number === undefined) throw error;
    return { signal: realTimeSignal(Number(number)) };
  }
}

/** Sends a signal to a process, or to a group by its negative number; whether there was any. */
export function trySignal(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
