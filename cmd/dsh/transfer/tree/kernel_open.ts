// <linux/openat2.h> and <fcntl.h>, as far as x86-64 and ARM agree.
const SYS_OPENAT2 = 437n;
const AT_FDCWD = -100;
const O_RDWR = 0o2n;
const O_CREAT = 0o100n;
const O_EXCL = 0o200n;
const O_CLOEXEC = 0o2000000n;
const O_PATH = 0o10000000n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
/** Size of `struct open_how`: flags, mode, resolve. */
const HOW_BYTES = 24n;
// <errno.h>
const ENOENT = 2;
const EAGAIN = 11;
/** A directory that is moved meanwhile makes the kernel say "again"; it may do so this often. */
const ATTEMPTS = 16;

const SYMBOLS = {
  syscall: {
    parameters: ["i64", "i32", "buffer", "buffer", "usize"],
    result: "i64",
  },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** How a path may lead to what it names. */
export type Following = "no-links" | "links-inside";

/**
 * openat2(2): opens what is beneath a directory, and nothing that is elsewhere, whatever links there
 * are and whoever moves what meanwhile. Descriptors are numbers; undefined stands for a failure.
 */
export interface KernelOpen {
  /** A hold on a directory, by a path of any kind. */
  directory(path: string): number | undefined;
  /** A hold on something beneath a directory. */
  beneath(directory: number, path: string, following: Following): number | undefined;
  /** Makes a file in a directory, for its owner alone, where nothing of that name is. */
  create(directory: number, name: string): number | undefined;
  /** Whether a directory has nothing of a name: much quicker than an exception that says so. */
  lacks(directory: number, name: string): boolean;
  /** Lets go. */
  close(descriptor: number): void;
  /** Path by which the runtime can use a descriptor. */
  pathOf(descriptor: number): string;
}

let loaded: KernelOpen | null | undefined;

/** What the kernel offers; null where it does not (before Linux 5.6, or without /proc). */
export function kernelOpen(): KernelOpen | null {
  if (loaded !== undefined) return loaded;
  loaded = Deno.build.os === "linux" ? load() : null;
  const root = loaded?.directory("/");
  if (loaded === null || root === undefined) return loaded = null;
  try {
    Deno.statSync(`${loaded.pathOf(root)}/.`);
  } catch {
    loaded = null;
    return null;
  }
  loaded.close(root);
  return loaded;
}

function load(): KernelOpen {
  const { syscall, close, __errno_location } = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  // One thread makes all calls, so its errno stays where it is.
  const errno = new Deno.UnsafePointerView(__errno_location()!);
  const encoder = new TextEncoder();
  const open = (
    directory: number,
    path: string,
    how: { flags: bigint; mode: bigint; resolve: bigint },
  ) => {
    const name = encoder.encode(`${path}\0`);
    const struct = new BigUint64Array([how.flags | O_CLOEXEC, how.mode, how.resolve]);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const descriptor = Number(syscall(SYS_OPENAT2, directory, name, struct, HOW_BYTES));
      if (descriptor >= 0) return descriptor;
      if (errno.getInt32() !== EAGAIN) break;
    }
    return undefined;
  };
  const beneath = (directory: number, path: string, following: Following) =>
    open(directory, path, {
      flags: O_PATH,
      mode: 0n,
      resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
        (following === "no-links" ? RESOLVE_NO_SYMLINKS : 0n),
    });
  return {
    directory: (path) => open(AT_FDCWD, path, { flags: O_PATH, mode: 0n, resolve: 0n }),
    beneath,
    create: (directory, name) =>
      open(directory, name, {
        flags: O_RDWR | O_CREAT | O_EXCL,
        mode: 0o600n,
        resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
      }),
    lacks(directory, name) {
      const descriptor = beneath(directory, name, "no-links");
      if (descriptor === undefined) return errno.getInt32() === ENOENT;
      close(descriptor);
      return false;
    },
    close: (descriptor) => void close(descriptor),
    pathOf: (descriptor) => `/proc/self/fd/${descriptor}`,
  };
}
