import { TerminalReader } from "./terminal_reader.ts";

// <fcntl.h> of Linux, the same on x86-64 and ARM.
const O_RDONLY = 0o0;
const O_WRONLY = 0o1;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
} as const;

/** Bytes of a struct termios, with room to spare. */
const TERMIOS_BYTES = 64;
/** Where its output flags are, as 32-bit words. */
const OUTPUT_FLAGS = 1;
/** Output flag: what is written is changed on its way, LF to CR LF above all. */
const OPOST = 1;
const TCSANOW = 0;

let library: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function libc(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  return library ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/**
 * Opens the terminal behind a descriptor once more, so that not waiting for it is a property of
 * this opening, and not of everybody who has the same terminal.
 *
 * @returns undefined where it is none, or cannot be opened once more, and outside of Linux
 */
function openAgain(descriptor: number, access: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const path = `/proc/self/fd/${descriptor}`;
  try {
    if (!/^\/dev\/(pts\/\d+|tty\w*)$/.test(Deno.readLinkSync(path))) return undefined;
    const flags = access | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    const opened = libc().open(new TextEncoder().encode(`${path}\0`), flags);
    return opened < 0 ? undefined : opened;
  } catch {
    return undefined;
  }
}

/**
 * Has a terminal show what is written to it as it is. The runtime's raw mode is about input alone:
 * it leaves LF to become CR LF. Leaving that mode also undoes this.
 *
 * @param descriptor of this process; where it is no terminal, and outside of Linux, nothing happens
 */
export function stopOutputProcessing(descriptor: number): void {
  if (Deno.build.os !== "linux") return;
  const { tcgetattr, tcsetattr } = libc();
  const termios = new Uint32Array(TERMIOS_BYTES / 4);
  if (tcgetattr(descriptor, termios) !== 0) return;
  termios[OUTPUT_FLAGS]! &= ~OPOST;
  tcsetattr(descriptor, TCSANOW, termios);
}

/**
 * Reads the terminal of this process without a thread, see {@linkcode TerminalReader}. Nothing is
 * taken from it before the first read.
 */
export class TerminalInput implements Disposable {
  readonly #descriptor: number;
  #reader: TerminalReader | undefined;
  #isOpen = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Opens a terminal.
   *
   * @param descriptor of this process, for example 0 for standard input
   * @returns undefined where it is none, or cannot be opened once more, and outside of Linux
   */
  static open(descriptor: number): TerminalInput | undefined {
    const opened = openAgain(descriptor, O_RDONLY);
    return opened === undefined ? undefined : new TerminalInput(opened);
  }

  /** Reads what was typed, or waits; one read at a time. The number of bytes; null at the end. */
  read(into: Uint8Array): Promise<number | null> {
    if (!this.#isOpen) return Promise.resolve(null);
    this.#reader ??= new TerminalReader(this.#descriptor);
    return this.#reader.read(into as Uint8Array<ArrayBuffer>);
  }

  /** Closes it; a read that waits ends. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#reader === undefined) libc().close(this.#descriptor);
    else this.#reader.close();
  }
}

/**
 * Writes to the terminal of this process on the spot. The runtime leaves writing to a thread, which
 * has to be woken for each key's echo.
 */
export class TerminalOutput implements Disposable {
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Opens a terminal.
   *
   * @param descriptor of this process, for example 1 for standard output
   * @returns undefined where it is none, or cannot be opened once more, and outside of Linux
   */
  static open(descriptor: number): TerminalOutput | undefined {
    const opened = openAgain(descriptor, O_WRONLY);
    return opened === undefined ? undefined : new TerminalOutput(opened);
  }

  /** Writes what the terminal takes now; the number of bytes. */
  tryWrite(bytes: Uint8Array): number {
    if (!this.#isOpen) return 0;
    const given = bytes as Uint8Array<ArrayBuffer>;
    return Math.max(0, Number(libc().write(this.#descriptor, given, BigInt(bytes.length))));
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#isOpen) libc().close(this.#descriptor);
    this.#isOpen = false;
  }
}
