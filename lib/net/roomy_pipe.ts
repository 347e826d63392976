import { loadLibc } from "./system_libc.ts";

// <fcntl.h> of Linux, the same on x86-64 and ARM.
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
/** What /proc/sys/fs/pipe-max-size allows everybody, bytes; a new pipe has 64 KiB. */
const ROOMY_BYTES = 1 << 20;

const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

/**
 * A pipe of the kernel (pipe(7)) that carries bulk data: it has room for 1 MiB, so that both sides are
 * woken less often, and what can be had from it at once is had by one system call. The runtime's own way
 * is to have a thread wait in read(2), and to be woken by it: scp through two relays, on two cores that
 * were busy, took 5 % longer.
 *
 * It is an opening of its own, so that not waiting is a property of this one and not of everybody who
 * has the same pipe.
 */
export class RoomyPipe {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #descriptor: number;

  private constructor(libc: Deno.DynamicLibrary<typeof SYMBOLS>, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /**
   * Until somebody fills the room it takes no memory, and it is gone with the pipe.
   *
   * @param descriptor of ours, for example 0
   * @returns undefined where that is no pipe, the system allows no more, or there is no Linux or no
   *   permission to call libc (nobody is asked for one)
   */
  static open(descriptor: number, access: "read" | "write"): RoomyPipe | undefined {
    const libc = loadLibc(SYMBOLS);
    if (libc === undefined) return undefined;
    const opened = openRoomy(libc, descriptor, access);
    if (opened >= 0) return new RoomyPipe(libc, opened);
    libc.close();
    return undefined;
  }

  /** Takes what is there, without waiting. How many bytes; 0: nothing now, or the end. */
  read(into: Uint8Array): number {
    return taken(this.#libc.symbols.read(this.#descriptor, owned(into), BigInt(into.length)));
  }

  /** Gives what there is room for, without waiting. How many bytes; 0: none now, or nobody reads. */
  write(bytes: Uint8Array): number {
    return taken(this.#libc.symbols.write(this.#descriptor, owned(bytes), BigInt(bytes.length)));
  }

  /** Ends this opening; once, and nothing else afterwards. */
  close(): void {
    this.#libc.symbols.close(this.#descriptor);
    this.#libc.close();
  }
}

/** Makes room and opens the pipe; a descriptor, or -1. */
function openRoomy(
  { symbols }: Deno.DynamicLibrary<typeof SYMBOLS>,
  descriptor: number,
  access: "read" | "write",
): number {
  if (symbols.fcntl(descriptor, F_SETPIPE_SZ, ROOMY_BYTES) < ROOMY_BYTES) return -1;
  const path = new TextEncoder().encode(`/proc/self/fd/${descriptor}\0`);
  return symbols.open(
    path,
    (access === "read" ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC,
  );
}

function taken(count: bigint): number {
  return Math.max(0, Number(count));
}

/** Nobody makes tools of shared memory. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
