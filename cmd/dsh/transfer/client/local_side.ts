import { basename, dirname } from "node:path";
import { type Destination, isIntoPath } from "../tree/destination.ts";
import { HeldInode } from "../tree/held_inode.ts";
import { SourceTree } from "../tree/source_tree.ts";
import { attempt } from "../tree/tree_error.ts";

/** What is to be put, and its name. */
export interface LocalSource {
  readonly tree: SourceTree;
  /** Undefined for the root of all directories. */
  readonly name: string | undefined;
}

/**
 * Finds what the user wants to put. A link that the user names is followed.
 *
 * @throws {TreeError} when it is not there
 */
export function localSource(path: string): LocalSource {
  const real = attempt(() => Deno.realPathSync(path));
  const written = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const name = /^\.{0,2}$/.test(written) ? basename(real) : written;
  if (attempt(() => Deno.statSync(real)).isDirectory) {
    return { tree: new SourceTree(HeldInode.root(real)), name: name || undefined };
  }
  using directory = HeldInode.root(dirname(real));
  return { tree: new SourceTree(directory.beneath([basename(real)])), name };
}

/**
 * Finds the place for what the user wants to get.
 *
 * @param remote path at the peer, which may give the copy its name
 * @returns with a root to be disposed of
 * @throws {TreeError} when there is no such directory
 */
export function localDestination(path: string, remote: string): Destination {
  const isInto = isIntoPath(path);
  const sourceName = remote.split("/").filter((name) => name !== "" && name !== ".").at(-1);
  return {
    root: HeldInode.root(isInto ? path || "." : dirname(path)),
    names: isInto ? [] : [basename(path)],
    isInto,
    sourceName,
  };
}
