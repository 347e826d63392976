import { loadLibc } from "./system_libc.ts";

// <fcntl.h> of Linux, the same on x86-64 and ARM.
const F_SETPIPE_SZ = 1031;
/** What /proc/sys/fs/pipe-max-size allows everybody, bytes; a new pipe has 64 KiB. */
const ROOMY_BYTES = 1 << 20;

/**
 * Gives the pipe of the kernel (pipe(7)) behind a descriptor room for 1 MiB, so that bulk data is read and
 * written in larger pieces: both sides are woken less often. Until somebody fills the room it takes no
 * memory, and it is gone with the pipe.
 *
 * @param descriptor of ours, for example 0
 * @returns false where that is no pipe, the system allows no more, or there is no Linux or no permission
 *   to call libc (nobody is asked for one)
 */
export function enlargePipe(descriptor: number): boolean {
  const libc = loadLibc({ fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" } });
  if (libc === undefined) return false;
  try {
    return libc.symbols.fcntl(descriptor, F_SETPIPE_SZ, ROOMY_BYTES) >= ROOMY_BYTES;
  } finally {
    libc.close();
  }
}
