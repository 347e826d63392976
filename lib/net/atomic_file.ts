import { NetError, reasonOf } from "./net_error.ts";
import { random } from "./random.ts";

/**
 * Writes a file so that readers see either the old contents or all of the new, also after a crash
 * of the program. The directory must exist.
 *
 * @param mode permissions of the file, for example `0o644`
 * @throws {NetError} `file`
 */
export async function writeAtomic(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const suffix = [...random(6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const temporary = `${path}.${suffix}.tmp`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true, mode });
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new NetError("file", `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Writes a secret atomically: the file is for its owner alone (0600), and so is the directory where
 * that has to be made (0700).
 *
 * @throws {NetError} `file`
 *
 * @example
 * ```ts
 * import { readBounded, writeSecret } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * const directory = await Deno.makeTempDir();
 * await writeSecret(`${directory}/private/key`, Uint8Array.of(1, 2, 3));
 * assert.equal((await Deno.stat(`${directory}/private/key`)).mode! & 0o777, 0o600);
 * assert.deepEqual([...(await readBounded(`${directory}/private/key`, 100))!], [1, 2, 3]);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function writeSecret(path: string, bytes: Uint8Array): Promise<void> {
  const slash = path.lastIndexOf("/");
  try {
    if (slash > 0) await Deno.mkdir(path.slice(0, slash), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new NetError("file", `cannot make the directory of ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  await writeAtomic(path, bytes, 0o600);
}

/**
 * Reads a file of at most `limit` bytes.
 *
 * @returns undefined when there is no such file
 * @throws {NetError} `file` when it is longer, or cannot be read
 */
export async function readBounded(path: string, limit: number): Promise<Uint8Array | undefined> {
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(limit + 1);
    let length = 0;
    for (;;) {
      const count = await file.read(bytes.subarray(length));
      if (count === null) return bytes.slice(0, length);
      length += count;
      if (length > limit) throw new Error(`longer than ${limit} bytes`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new NetError("file", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
