// <fcntl.h> and <sys/ioctl.h> of Linux, the same on x86-64 and ARM.
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;
const TIOCSWINSZ = 0x5414n;

const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/**
 * Types at a terminal, and waits in read(2) for what is shown: nothing of an event loop is in the
 * times that are taken.
 */
export class Typist implements Disposable {
  /** The terminal's device. */
  readonly path: string;
  readonly #libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  readonly #master: number;
  readonly #buffer = new Uint8Array(4096);

  constructor() {
    const { posix_openpt, grantpt, unlockpt, ptsname_r, ioctl } = this.#libc;
    this.#master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    const name = new Uint8Array(32);
    const failed = grantpt(this.#master) | unlockpt(this.#master) |
      ptsname_r(this.#master, name, BigInt(name.length));
    if (this.#master < 0 || failed !== 0) throw new Error("no pseudo-terminal can be made");
    this.path = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    ioctl(this.#master, TIOCSWINSZ, new Uint16Array([24, 80, 0, 0]));
  }

  /** Types; the whole process waits while the terminal takes nothing. */
  type(bytes: Uint8Array<ArrayBuffer>): void {
    this.#libc.write(this.#master, bytes, BigInt(bytes.length));
  }

  /** What is shown next; the whole process waits for it. Undefined once nobody has the terminal. */
  see(): Uint8Array | undefined {
    const count = Number(this.#libc.read(this.#master, this.#buffer, BigInt(this.#buffer.length)));
    return count <= 0 ? undefined : this.#buffer.subarray(0, count);
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#master);
  }
}
