import { TerminalReader } from "./terminal_reader.ts";

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** Characters in a line, 1 to 65,535. */
  readonly columns: number;
  /** Lines, 1 to 65,535. */
  readonly rows: number;
}

// <fcntl.h>, <poll.h> and <sys/ioctl.h> of Linux, the same on x86-64 and ARM.
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const POLLIN = 0x1;
const POLLOUT = 0x4;
const TIOCSWINSZ = 0x5414n;
const F_DUPFD_CLOEXEC = 1030;
/** Longest name of a terminal, `/dev/pts/4294967295`, bytes. */
const MAX_PATH_BYTES = 32;
/** What a key sends, bytes at most; more is pasted. */
const KEY_BYTES = 16;
/**
 * Between two looks at whether a terminal has room, ms: at first, and at most. To wait for it in
 * the system would take one of the few threads that also read files and compute hashes.
 */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 50;
/** No wait, a struct timespec. */
const NO_TIME = new BigInt64Array([0n, 0n]);
/** How long an echo is waited for on the spot: seconds and nanoseconds, a struct timespec. */
const ECHO_TIMEOUT = new BigInt64Array([0n, 300_000n]);
/** Least time between two such waits in this process, ms: they hold up everything else. */
const ECHO_PAUSE_MS = 2;

const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ppoll: { parameters: ["buffer", "u64", "buffer", "pointer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** When an echo was last waited for, on the clock of `performance.now()`. */
let lastEcho = -Infinity;
let library: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function libc(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  if (Deno.build.os !== "linux") {
    throw new Deno.errors.NotSupported("pseudo-terminals are made on Linux only");
  }
  return library ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/**
 * A pseudo-terminal: what is written here is typed there, and what programs print there is read
 * here. libc is called directly: node-pty 1.1.0 under Deno 2.9.6 lost what was written in bulk,
 * and tells neither when it was taken nor when the last of the output was.
 *
 * A program gets it as its controlling terminal by opening {@linkcode path} in a session of its
 * own. Until {@linkcode release} the terminal has an end even while no program has opened it.
 *
 * @example What a program prints comes as a terminal shows it
 * ```ts
 * import { Pty } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 *
 * if (Deno.build.os === "linux") {
 *   using pty = Pty.open({ columns: 80, rows: 24 });
 *   const { stdout } = await new Deno.Command("stty", {
 *     args: ["-F", pty.path, "size"],
 *   }).output();
 *   assert.equal(new TextDecoder().decode(stdout), "24 80\n");
 *   await Deno.writeTextFile(pty.path, "hello\n");
 *   const bytes = new Uint8Array(64);
 *   const count = await pty.read(bytes);
 *   assert.equal(new TextDecoder().decode(bytes.subarray(0, count!)), "hello\r\n");
 * }
 * ```
 */
export class Pty implements Disposable {
  /** The terminal's device, for example `/dev/pts/3`. */
  readonly path: string;
  readonly #master: number;
  /** Has a descriptor of its own. */
  readonly #output: TerminalReader;
  /** End the waits that there are. */
  readonly #wakes = new Set<() => void>();
  #slave: number;
  #closed = false;

  private constructor(master: number, output: TerminalReader, slave: number, path: string) {
    this.#master = master;
    this.#output = output;
    this.#slave = slave;
    this.path = path;
  }

  /**
   * Makes a terminal.
   *
   * @throws {Deno.errors.NotSupported} on other systems than Linux
   * @throws {Error} when the system has no terminal, or no descriptor, left
   */
  static open(size: TerminalSize): Pty {
    const { posix_openpt, grantpt, unlockpt, ptsname_r, open, fcntl, close } = libc();
    const master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    const name = new Uint8Array(MAX_PATH_BYTES);
    const ready = master >= 0 && grantpt(master) === 0 && unlockpt(master) === 0 &&
      ptsname_r(master, name, BigInt(name.length)) === 0;
    const slave = ready ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    const output = slave < 0 ? -1 : fcntl(master, F_DUPFD_CLOEXEC, 0);
    if (output < 0) {
      for (const descriptor of [slave, master]) if (descriptor >= 0) close(descriptor);
      throw new Error("no pseudo-terminal can be made: no terminal, or no descriptor, is left");
    }
    const path = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    const pty = new Pty(master, new TerminalReader(output), slave, path);
    pty.resize(size);
    return pty;
  }

  /** Tells the programs at the terminal its size, by SIGWINCH. */
  resize({ columns, rows }: TerminalSize): void {
    if (this.#closed) return;
    // struct winsize: rows, columns, and two in pixels that nobody uses.
    libc().ioctl(this.#master, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]));
  }

  /**
   * Lets go of the terminal's own end: once no program has it open either, what they printed can
   * still be read, and then the end.
   */
  release(): void {
    if (this.#slave >= 0) libc().close(this.#slave);
    this.#slave = -1;
  }

  /**
   * Reads what programs have printed, or waits for some.
   *
   * @returns the number of bytes; null at the end, and after {@linkcode close}
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#output.read(into);
  }

  /**
   * Types bytes at the terminal; waits while its programs do not read.
   *
   * @returns how many of the bytes were taken; 0 when there is no program any more
   */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    for (let ms = FIRST_LOOK_MS; !this.#closed; ms = Math.min(2 * ms, LAST_LOOK_MS)) {
      const count = this.writeNow(bytes);
      if (count > 0) return count;
      if (this.#isDeserted()) return 0;
      await this.#pause(ms);
    }
    return 0;
  }

  /** Types bytes as far as the terminal takes them without waiting; how many that were. */
  writeNow(bytes: Uint8Array<ArrayBuffer>): number {
    if (this.#closed) return 0;
    const count = Number(libc().write(this.#master, bytes, BigInt(bytes.length)));
    if (count > 0 && count <= KEY_BYTES) this.#awaitEcho();
    return Math.max(0, count);
  }

  /** Hangs up: the programs get SIGHUP from the system, and whoever waits goes on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.release();
    this.#output.close();
    libc().close(this.#master);
    for (const wake of this.#wakes) wake();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Waits a moment for what comes of a key: mostly, its echo comes sooner than another thread, or
   * another turn of the event loop, could tell of it.
   */
  #awaitEcho(): void {
    const into = this.#output.awaiting;
    const now = performance.now();
    // Who does not wait has something to read, and that comes first.
    if (into === undefined || now - lastEcho < ECHO_PAUSE_MS) return;
    lastEcho = now;
    const { ppoll, read } = libc();
    if (ppoll(new Int32Array([this.#master, POLLIN]), 1n, ECHO_TIMEOUT, null) <= 0) return;
    const count = Number(read(this.#master, into, BigInt(into.length)));
    if (count > 0) this.#output.fulfil(count);
  }

  /** Whether there is no program any more that could read what is typed. */
  #isDeserted(): boolean {
    // struct pollfd: descriptor, events (16 bits), returned events (16 bits).
    const polled = new Int32Array([this.#master, POLLOUT]);
    libc().ppoll(polled, 1n, NO_TIME, null);
    // What comes without being asked for tells that the other end is closed.
    return (new Int16Array(polled.buffer)[3]! & ~POLLOUT) !== 0;
  }

  /** Lets some time pass, or less when the terminal is closed. */
  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wakes.add(resolve);
    await promise;
    this.#wakes.delete(resolve);
    clearTimeout(timer);
  }
}
