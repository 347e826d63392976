// <fcntl.h> of Linux, the same on x86-64 and ARM.
const O_WRONLY = 0o1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
/** What /proc/sys/fs/pipe-max-size allows everybody, bytes; a new pipe has 64 KiB. */
const ROOMY_BYTES = 1 << 20;

/** Where Linux distributions have libc: what a tool may be allowed to load, and nothing beside it. */
export const LIBC_PATHS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/usr/lib/aarch64-linux-gnu/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
];

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/**
 * A second hold on a pipe of the kernel (pipe(7)) behind one of our descriptors, for bulk data: it never
 * waits, while the runtime sends every read and write of such a pipe through a thread of its pool. That the
 * descriptor itself may wait is left as it is, for other processes may share it.
 */
export class Fifo implements Disposable {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly #fd: number;

  private constructor(libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"], fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /**
   * Holds the pipe behind a descriptor, and gives it room for 1 MiB, as far as the system allows.
   *
   * @param descriptor of ours, for example 0
   * @param use what the pipe is to be used for
   * @returns undefined where that is no pipe, or there is no Linux, no permission to call libc, or no
   *   descriptor left
   */
  static behind(descriptor: number, use: "read" | "write"): Fifo | undefined {
    if (Deno.build.os !== "linux") return undefined;
    try {
      const library = LIBC_PATHS.find(mayLoad);
      if (library === undefined) return undefined;
      const libc = Deno.dlopen(library, SYMBOLS).symbols;
      if (libc.fcntl(descriptor, F_GETPIPE_SZ, 0) < 0) return undefined;
      const flags = O_NONBLOCK | O_CLOEXEC | (use === "write" ? O_WRONLY : 0);
      const fd = libc.open(new TextEncoder().encode(`/proc/self/fd/${descriptor}\0`), flags);
      if (fd < 0) return undefined;
      libc.fcntl(fd, F_SETPIPE_SZ, ROOMY_BYTES);
      return new Fifo(libc, fd);
    } catch {
      return undefined;
    }
  }

  /** Takes bytes that wait in the pipe; 0 when there are none, at its end, and after a failure. */
  read(into: Uint8Array): number {
    return this.#count(this.#libc.read(this.#fd, ffi(into), BigInt(into.length)));
  }

  /** Puts bytes into the pipe as far as there is room; 0 when there is none, and after a failure. */
  write(bytes: Uint8Array): number {
    return this.#count(this.#libc.write(this.#fd, ffi(bytes), BigInt(bytes.length)));
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd);
  }

  #count(result: number | bigint): number {
    return Math.max(0, Number(result));
  }
}

function mayLoad(path: string): boolean {
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted" && exists(path);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Memory that the foreign function may see: never shared between threads here. */
function ffi(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
