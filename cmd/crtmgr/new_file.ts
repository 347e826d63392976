import { IdentityError } from "../../lib/identity/mod.ts";

/**
 * Whether there is anything of that name, be it a broken link.
 *
 * @throws {IdentityError} `io` when that cannot be found out
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw new IdentityError("io", `cannot look at ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Makes a directory and those above it, unless they are there.
 *
 * @param mode permission bits, for example `0o700`
 * @throws {IdentityError} `io`
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode });
  } catch (cause) {
    throw new IdentityError("io", `cannot create ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** A folder's name without slashes at its end. */
export function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
