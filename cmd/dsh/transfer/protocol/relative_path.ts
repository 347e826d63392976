/** Longest name of a file, bytes (NAME_MAX of Linux). */
const MAX_NAME_BYTES = 255;
/** Longest path in a tree, bytes (PATH_MAX of Linux). */
const MAX_PATH_BYTES = 4096;
/** Deepest path in a tree. */
const MAX_DEPTH = 256;

/** Whether a text can name something in a directory, and nothing elsewhere. */
export function isName(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && !/[/\0]/.test(text) &&
    text.isWellFormed() && byteLength(text) <= MAX_NAME_BYTES;
}

/**
 * The names that a path in a tree consists of; none for the tree itself, which is the empty text.
 *
 * @returns undefined when a path could lead elsewhere, or is none
 */
export function namesOf(path: string): readonly string[] | undefined {
  if (path === "") return [];
  const names = path.split("/");
  const isPath = names.length <= MAX_DEPTH && names.every(isName) &&
    byteLength(path) <= MAX_PATH_BYTES;
  return isPath ? names : undefined;
}

/**
 * Whether a symbolic link leads to something in its own tree, wherever other links of that tree
 * lead that have passed this test: it goes up first, at most to the top, and then down only. (After
 * a name, `..` would go up from wherever that name leads.)
 *
 * @param depth of the link: how many directories of the tree it is in
 */
export function staysInside(target: string, depth: number): boolean {
  if (target === "" || target.startsWith("/") || /\0/.test(target)) return false;
  if (!target.isWellFormed() || byteLength(target) > MAX_PATH_BYTES) return false;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const down = parts.findIndex((part) => part !== "..");
  const ups = down < 0 ? parts.length : down;
  return ups <= depth && !parts.slice(ups).includes("..");
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
