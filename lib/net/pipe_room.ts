// <fcntl.h> of Linux, the same on x86-64 and ARM.
const F_SETPIPE_SZ = 1031;
/** What /proc/sys/fs/pipe-max-size allows everybody, bytes; a new pipe has 64 KiB. */
const ROOMY_BYTES = 1 << 20;

/** The library's name, for the system to look for where anything may be loaded. */
const LIBRARY = "libc.so.6";
/** Where Linux distributions have it: what a tool may be allowed to load, and nothing beside it. */
export const LIBC_PATHS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/usr/lib/aarch64-linux-gnu/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
];

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
  if (Deno.build.os !== "linux") return false;
  for (const path of [LIBRARY, ...LIBC_PATHS]) {
    try {
      if (!mayLoad(path)) continue;
      const libc = Deno.dlopen(path, {
        fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
      });
      try {
        return libc.symbols.fcntl(descriptor, F_SETPIPE_SZ, ROOMY_BYTES) >= ROOMY_BYTES;
      } finally {
        libc.close();
      }
    } catch { // not here
    }
  }
  return false;
}

/** A bare name is looked for by the system: that takes the right to load anything. */
function mayLoad(path: string): boolean {
  const scope = path === LIBRARY ? {} : { path };
  return Deno.permissions.querySync({ name: "ffi", ...scope }).state === "granted";
}
