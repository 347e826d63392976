import type { HeldInode } from "./held_inode.ts";
import { attempt, TreeError } from "./tree_error.ts";

/** Where links lead that stand for a program's own open files, as /dev/stdout does. */
const OWN_DESCRIPTORS = /^\/proc\/self\/fd(\/|$)/;

/**
 * Looks what is in the place of a file or a link that is to be stored: nothing, or a file or a link
 * that it may replace.
 *
 * @throws {TreeError} when it is anything else: a rename would end a device, as /dev/null, for all
 *   programs, and needs no right to the device itself
 */
export function replaceable(directory: HeldInode, name: string): Deno.FileInfo | undefined {
  const there = directory.look(name);
  if (there === undefined || there.isFile) return there;
  if (!there.isSymlink) throw inTheWay(there);
  if (!OWN_DESCRIPTORS.test(attempt(() => Deno.readLinkSync(directory.at(name))))) return there;
  throw new TreeError("there is a link into /proc/self/fd in its place");
}

/** Says what is in the place of something else. */
export function inTheWay(there: Deno.FileInfo): TreeError {
  return new TreeError(`there is ${kindOf(there)} in its place`);
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a symbolic link";
  if (info.isDirectory) return "a directory";
  if (info.isFile) return "a file";
  if (info.isCharDevice || info.isBlockDevice) return "a device";
  if (info.isFifo) return "a FIFO";
  return info.isSocket ? "a socket" : "something else";
}
