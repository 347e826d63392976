import { readBounded, writeSecret } from "../../../lib/net/atomic_file.ts";
import type { Assignment } from "./address_pool.ts";

/** More than any pool holds. */
const MAX_FILE_BYTES = 64 << 20;

/**
 * Reads the assignments of earlier runs. What is not one is left out: the file may be of another
 * version, and an address that is forgotten is handed out anew.
 *
 * @throws {NetError} `file` when there is one that cannot be read
 */
export async function readAddressBook(path: string): Promise<Assignment[]> {
  const bytes = await readBounded(path, MAX_FILE_BYTES);
  if (bytes === undefined) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.filter(isAssignment) : [];
}

/** Writes the assignments, for the owner alone: they say who the peers are. @throws {NetError} */
export async function writeAddressBook(
  path: string,
  assignments: readonly Assignment[],
): Promise<void> {
  await writeSecret(path, new TextEncoder().encode(JSON.stringify(assignments, null, 1) + "\n"));
}

function isAssignment(value: unknown): value is Assignment {
  if (typeof value !== "object" || value === null) return false;
  const { id, host, seen } = value as Record<string, unknown>;
  return typeof id === "string" && /^[0-9a-f]{64}$/.test(id) && Number.isSafeInteger(host) &&
    Number.isSafeInteger(seen);
}
