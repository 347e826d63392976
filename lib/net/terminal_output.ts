// <fcntl.h> of Linux, the same on x86-64 and ARM.
const O_WRONLY = 0o1;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/**
 * Writes to a terminal on the spot. The runtime leaves writing to a thread, which has to be woken
 * for each key's echo. The terminal is opened once more, so that not waiting for it is a property
 * of this writer, and not of everybody who has the same terminal.
 */
export class TerminalOutput implements Disposable {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(
    libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
    descriptor: number,
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /**
   * Opens a terminal.
   *
   * @param descriptor of this process, for example 1 for standard output
   * @returns undefined where it is none, or cannot be opened once more, and outside of Linux
   */
  static open(descriptor: number): TerminalOutput | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const path = `/proc/self/fd/${descriptor}`;
    try {
      if (!/^\/dev\/(pts\/\d+|tty\w*)$/.test(Deno.readLinkSync(path))) return undefined;
      const libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
      const flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
      const opened = libc.open(new TextEncoder().encode(`${path}\0`), flags);
      return opened < 0 ? undefined : new TerminalOutput(libc, opened);
    } catch {
      return undefined;
    }
  }

  /** Writes what the terminal takes now; the number of bytes. */
  tryWrite(bytes: Uint8Array): number {
    if (!this.#isOpen) return 0;
    const given = bytes as Uint8Array<ArrayBuffer>;
    return Math.max(0, Number(this.#libc.write(this.#descriptor, given, BigInt(bytes.length))));
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#isOpen) this.#libc.close(this.#descriptor);
    this.#isOpen = false;
  }
}
