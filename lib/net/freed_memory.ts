import { loadLibc } from "./system_libc.ts";

/**
 * Has the allocator of the GNU C library give all pages that nothing uses back to the system, as by
 * itself it does at the end of its heap only: what lasts for long lies between what did not. Works on
 * a thread of the runtime's pool, for some milliseconds.
 *
 * @returns false where nothing was given back, or libc is another one or must not be called
 */
export async function returnFreedMemory(): Promise<boolean> {
  const libc = loadLibc({
    malloc_trim: { parameters: ["usize"], result: "i32", nonblocking: true },
  });
  if (libc === undefined) return false;
  try {
    return await libc.symbols.malloc_trim(0n) === 1;
  } finally {
    libc.close();
  }
}
