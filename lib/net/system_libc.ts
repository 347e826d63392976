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
 * Loads functions of the GNU C library; the caller closes what it gets.
 *
 * @returns undefined where there is no Linux, no such library or function, or no permission for it
 *   (nobody is asked for one)
 */
export function loadLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S> | undefined {
  if (Deno.build.os !== "linux") return undefined;
  for (const path of [LIBRARY, ...LIBC_PATHS]) {
    try {
      if (mayLoad(path)) return Deno.dlopen(path, symbols);
    } catch { // not here
    }
  }
  return undefined;
}

/** A bare name is looked for by the system: that takes the right to load anything. */
function mayLoad(path: string): boolean {
  const scope = path === LIBRARY ? {} : { path };
  return Deno.permissions.querySync({ name: "ffi", ...scope }).state === "granted";
}
