import type { TraceEvent } from "../../lib/endpoint/trace_event.ts";
import { writeAtomic } from "../../lib/net/atomic_file.ts";
import { NetError } from "../../lib/net/net_error.ts";
import { ExitCode, ToolError } from "./exit_code.ts";
import { writeError } from "./output.ts";
import { replaceableFile } from "./replaceable_file.ts";
import { tracePage } from "./trace_page.ts";

/** Attempts that are kept, the latest ones; and events of each. */
const MAX_ATTEMPTS = 16;
const MAX_EVENTS = 1_500;
/** The file is written so long after something was decided, ms: more often follows. */
const WRITE_DELAY_MS = 500;
/** It tells who talks to whom. */
const MODE = 0o600;

/** Keeps a picture of the attempts to reach peers in a file. */
export class TraceFile {
  readonly #path: string;
  readonly #title: string;
  readonly #attempts = new Map<number, { events: TraceEvent[]; omitted: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #written = Promise.resolve();

  private constructor(path: string, title: string) {
    this.#path = path;
    this.#title = title;
  }

  /**
   * Makes the file, or takes the one that is there, with nothing to be seen in it yet.
   *
   * @throws {ToolError} usage, when it cannot be written
   */
  static async open(path: string, title: string): Promise<TraceFile> {
    try {
      const file = new TraceFile(await replaceableFile(path), title);
      await file.#write();
      return file;
    } catch (cause) {
      if (!(cause instanceof NetError || cause instanceof ToolError)) throw cause;
      throw new ToolError(ExitCode.usage, `--trace: ${cause.message}`, { cause });
    }
  }

  /** Keeps an event. */
  take(event: TraceEvent): void {
    const attempt = this.#attempts.get(event.attempt) ?? { events: [], omitted: 0 };
    if (attempt.events.length < MAX_EVENTS) attempt.events.push(event);
    else attempt.omitted++;
    this.#attempts.set(event.attempt, attempt);
    if (this.#attempts.size > MAX_ATTEMPTS) {
      this.#attempts.delete(this.#attempts.keys().next().value!);
    }
    if (isDecisive(event)) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#save();
      }, WRITE_DELAY_MS);
    }
  }

  /** Writes the last of it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#save();
  }

  /** One write after the other; a disk that has become full must not end the connection. */
  #save(): Promise<void> {
    this.#written = this.#written.then(() => this.#write()).catch((error) =>
      writeError(`--trace: ${error instanceof Error ? error.message : error}\n`)
    );
    return this.#written;
  }

  async #write(): Promise<void> {
    const page = tracePage(this.#title, [...this.#attempts.values()]);
    await writeAtomic(this.#path, new TextEncoder().encode(page), MODE);
  }
}

function isDecisive({ type }: TraceEvent): boolean {
  return type === "failed" || type === "session" || type === "pipe" || type === "channel";
}
