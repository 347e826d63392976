import { ExitCode, ToolError } from "./exit_code.ts";
import { writeError } from "./output.ts";

/** Longest line that is taken from standard input, bytes. */
const MAX_LINE_BYTES = 4096;
/** What the keys send in raw mode. */
const KEY = { interrupt: 0x03, endOfInput: 0x04, backspace: 0x08, killLine: 0x15, delete: 0x7f };

/** Signals that end a process which does not listen to them, and its exit code then. */
const ENDINGS = [
  ["SIGHUP", ExitCode.hungUp],
  ["SIGINT", ExitCode.interrupted],
  ["SIGTERM", ExitCode.terminated],
] as const;

/** Where questions are asked and answers come from. */
export interface Console {
  /** Whether a person sits there: answers are echoed as they are typed, and can be hidden. */
  readonly interactive: boolean;
  /** Whether to use colours. */
  readonly colored: boolean;
  /** Shows text; it goes to standard error, because nobody asked for it on standard output. */
  write(text: string): void;
  /** The next line without its end; undefined at the end of input. */
  readLine(): Promise<string | undefined>;
  /** The same, without showing what is typed. */
  readSecret(): Promise<string | undefined>;
}

/** What {@linkcode lineConsole} reads: standard input, or a stand-in for it. */
export interface LineSource {
  read(buffer: Uint8Array): Promise<number | null>;
  setRaw(raw: boolean): void;
  isTerminal(): boolean;
}

let standard: Console | undefined;

/**
 * The process's own console: one for all, because it keeps what was typed ahead. Colours are for
 * terminals only, and not where `NO_COLOR` is set.
 */
export function standardConsole(): Console {
  const colored = Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR");
  return standard ??= lineConsole(Deno.stdin, writeError, colored);
}

/** A console that has to be closed. */
export interface TerminalConsole extends Disposable {
  readonly console: Console;
}

/** The terminal that this process belongs to, wherever its streams lead; undefined without one. */
export function terminalConsole(): TerminalConsole | undefined {
  let terminal: Deno.FsFile;
  try {
    terminal = Deno.openSync("/dev/tty", { read: true });
  } catch {
    return undefined;
  }
  return {
    console: lineConsole(terminal, writeError, false),
    [Symbol.dispose]: () => terminal.close(),
  };
}

/**
 * A console on a source of bytes.
 *
 * @param colored whether the texts may have colours
 */
export function lineConsole(
  source: LineSource,
  write: (text: string) => void,
  colored: boolean,
): Console {
  const interactive = source.isTerminal();
  const lines = new Lines(source);
  return {
    interactive,
    colored,
    write,
    readLine: () => lines.next(),
    async readSecret() {
      if (!interactive) return await lines.next();
      using _unseen = hideTyping(source, write);
      return await lines.typed();
    },
  };
}

/** A terminal shows nothing of what is typed until the end, also where a signal ends the process. */
function hideTyping(terminal: LineSource, write: (text: string) => void): Disposable {
  const show = () => {
    terminal.setRaw(false);
    write("\n");
  };
  const signals = Deno.build.os === "windows" ? [] : ENDINGS;
  const listeners = signals.map(([signal, exitCode]) => {
    const listener = () => {
      show();
      Deno.exit(exitCode);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  terminal.setRaw(true);
  return {
    [Symbol.dispose]() {
      show();
      for (const remove of listeners) remove();
    },
  };
}

/** Cuts bytes into lines; what was read beyond a line waits for the next call. */
class Lines {
  #rest: number[] = [];
  #ended = false;

  constructor(private readonly source: LineSource) {}

  async next(): Promise<string | undefined> {
    const line: number[] = [];
    for (;;) {
      const byte = await this.#byte();
      if (byte === undefined) return line.length === 0 ? undefined : decode(line);
      if (byte === 0x0a) return decode(line);
      append(line, byte);
    }
  }

  /** A line from a terminal in raw mode, where the keys that edit it are ours to heed. */
  async typed(): Promise<string | undefined> {
    const line: number[] = [];
    for (;;) {
      const byte = await this.#byte();
      if (byte === undefined || byte === KEY.endOfInput) {
        return line.length === 0 ? undefined : decode(line);
      }
      if (byte === KEY.interrupt) throw new ToolError(ExitCode.interrupted, "interrupted");
      if (byte === 0x0a || byte === 0x0d) return decode(line);
      if (byte === KEY.killLine) line.length = 0;
      else if (byte === KEY.backspace || byte === KEY.delete) eraseCharacter(line);
      else append(line, byte);
    }
  }

  async #byte(): Promise<number | undefined> {
    if (this.#rest.length === 0 && !this.#ended) {
      const buffer = new Uint8Array(MAX_LINE_BYTES);
      const count = await this.source.read(buffer);
      if (count === null) this.#ended = true;
      else this.#rest = [...buffer.subarray(0, count)];
    }
    return this.#rest.shift();
  }
}

function append(line: number[], byte: number): void {
  if (line.length >= MAX_LINE_BYTES) {
    throw new ToolError(ExitCode.usage, `an answer has more than ${MAX_LINE_BYTES} bytes`);
  }
  line.push(byte);
}

/** Takes the last character off, all of its UTF-8 octets. */
function eraseCharacter(line: number[]): void {
  while (line.length > 0 && (line.pop()! & 0xc0) === 0x80);
}

function decode(line: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(line)).replace(/\r$/, "");
}
