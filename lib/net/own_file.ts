import { loadLibc } from "./system_libc.ts";

// statx(2) of Linux, whose struct is the same on every architecture.
const AT_EMPTY_PATH = 0x1000;
const STATX_TYPE = 1;
const STATX_BYTES = 256;
const MODE_OFFSET = 28;
const RDEV_MAJOR_OFFSET = 128;
const RDEV_MINOR_OFFSET = 132;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFCHR = 0o020000;
const MEMORY_MAJOR = 1;
/** /dev/null, /dev/zero, /dev/full and /dev/urandom; of the same major number, /dev/kmsg waits. */
const MEMORY_MINORS: ReadonlySet<number> = new Set([3, 5, 7, 9]);

const SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const;

/**
 * Whether a descriptor of ours is a regular file, or a device such as /dev/null: reading and
 * writing wait for no other program and no machine, as they do for one at a pipe, a socket, a
 * terminal or a printer. (That lseek(2) works tells nothing: for a printer it does, too.)
 *
 * @returns false, too, where there is no Linux or no permission to call libc (nobody is asked for
 *   one)
 */
export function isFileOrMemory(descriptor: number): boolean {
  const libc = loadLibc(SYMBOLS);
  if (libc === undefined) return false;
  const path = new Uint8Array(1); // empty: the descriptor itself
  const bytes = new Uint8Array(STATX_BYTES);
  const result = libc.symbols.statx(descriptor, path, AT_EMPTY_PATH, STATX_TYPE, bytes);
  libc.close();
  if (result !== 0) return false;
  const status = new DataView(bytes.buffer);
  const type = status.getUint16(MODE_OFFSET, true) & S_IFMT;
  return type === S_IFREG || type === S_IFCHR &&
      status.getUint32(RDEV_MAJOR_OFFSET, true) === MEMORY_MAJOR &&
      MEMORY_MINORS.has(status.getUint32(RDEV_MINOR_OFFSET, true));
}
