import type { HeldInode } from "./held_inode.ts";
import { TreeError } from "./tree_error.ts";

/** Where a copy is to be made. */
export interface Destination {
  /** What it must not leave; held by whoever gave it. */
  readonly root: HeldInode;
  /** Names beneath the root. */
  readonly names: readonly string[];
  /** Whether that is a directory to put the copy into, rather than the copy. */
  readonly isInto: boolean;
  /** Name of what is copied; undefined when it has none, as a root. */
  readonly sourceName: string | undefined;
}

/** The place of a copy: a name in a directory; undefined for that directory itself. */
export interface Place {
  /** To be disposed of. */
  readonly parent: HeldInode;
  readonly name: string | undefined;
  /** Whether the name is that of what is copied, in the directory that was asked for. */
  readonly isInto: boolean;
}

/**
 * Whether a path, as its user has written it, is a directory to put something into: `x/`, `.`, `..`.
 * A directory that is copied to another name gets that name, whether or not it is there already, so
 * that an interrupted transfer goes on where it was when it is given again.
 */
export function isIntoPath(path: string): boolean {
  return path === "" || /(^|\/)\.{0,2}$/.test(path);
}

/**
 * Finds the place of a copy. A file whose destination is a directory goes into it.
 *
 * @throws {TreeError} when there is none
 */
export function placeOf(destination: Destination, isDirectory: boolean): Place {
  const { root, names, isInto, sourceName } = destination;
  const last = names.at(-1);
  if (isInto || (!isDirectory && isExistingDirectory(root, names))) {
    return { parent: directory(root, names), name: sourceName, isInto: true };
  }
  if (last === undefined) {
    if (isDirectory) return { parent: directory(root, []), name: undefined, isInto: false };
    throw new TreeError("a file cannot be put in the place of a directory");
  }
  return { parent: directory(root, names.slice(0, -1)), name: last, isInto: false };
}

function isExistingDirectory(root: HeldInode, names: readonly string[]): boolean {
  try {
    using there = root.beneath(names, "links-inside");
    return there.stat().isDirectory;
  } catch {
    return false;
  }
}

function directory(root: HeldInode, names: readonly string[]): HeldInode {
  const there = root.beneath(names, "links-inside");
  if (there.stat().isDirectory) return there;
  there[Symbol.dispose]();
  throw new TreeError(`${JSON.stringify(names.join("/"))} is no directory`);
}
