import { namesOf, staysInside } from "../protocol/relative_path.ts";
import { PERMISSIONS, type TreeEntry } from "../protocol/tree_entry.ts";
import type { HeldInode } from "./held_inode.ts";
import { isPartName } from "./part_file.ts";
import { attempt, systemReason, TreeError } from "./tree_error.ts";

/** Something that is not copied, and why. */
export interface Omission {
  readonly path: string;
  readonly reason: string;
  /** Whether it is no matter of what it is: it could have been copied. */
  readonly isFailure: boolean;
}

/** A file or a directory to be copied, with all that is in it. */
export class SourceTree implements Disposable {
  readonly #base: HeldInode;

  /** @param base taken over: it is let go of with the tree */
  constructor(base: HeldInode) {
    this.#base = base;
  }

  /** What is there: each directory before what is in it. */
  *entries(): Generator<TreeEntry | Omission, void> {
    const info = this.#base.stat();
    if (!info.isDirectory) {
      yield entryOf("", info, () => "");
      return;
    }
    const pending = [""];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      try {
        using directory = this.#base.beneath(namesOf(path)!);
        yield entryOf(path, directory.stat(), () => "");
        yield* this.#contents(path, directory, pending);
      } catch (error) {
        if (!(error instanceof TreeError)) throw error;
        yield { path, reason: error.message, isFailure: true };
      }
    }
  }

  /**
   * Opens a file.
   *
   * @throws {TreeError} when it is none any more, or may not be read
   */
  open(path: string): Deno.FsFile {
    if (path === "") return openFile(this.#base);
    using held = this.#base.beneath(namesOf(path)!);
    return openFile(held);
  }

  /** Lets go. */
  [Symbol.dispose](): void {
    this.#base[Symbol.dispose]();
  }

  *#contents(
    parent: string,
    directory: HeldInode,
    pending: string[],
  ): Generator<TreeEntry | Omission, void> {
    for (const { name } of attempt(() => [...Deno.readDirSync(directory.path)])) {
      const path = parent === "" ? name : `${parent}/${name}`;
      const entry = describe(path, name, directory);
      if ("kind" in entry && entry.kind === "directory") pending.push(path);
      else yield entry;
    }
  }
}

function openFile(held: HeldInode): Deno.FsFile {
  // Opening a FIFO would wait for its other end.
  if (!held.stat().isFile) throw new TreeError("it is no file any more");
  return attempt(() => Deno.openSync(held.path));
}

function describe(path: string, name: string, directory: HeldInode): TreeEntry | Omission {
  if (isPartName(name)) {
    return { path, reason: "it is what an interrupted transfer has left", isFailure: false };
  }
  try {
    const info = directory.look(name);
    if (info === undefined) {
      // The runtime shows names that are no UTF-8 with this in them.
      const isStrange = name.includes("\ufffd");
      return {
        path,
        reason: isStrange ? "its name is not UTF-8" : "it has vanished",
        isFailure: true,
      };
    }
    if (namesOf(path) === undefined) {
      return { path, reason: "its path is too long or too deep", isFailure: true };
    }
    return entryOf(path, info, () => Deno.readLinkSync(directory.at(name)));
  } catch (error) {
    return { path, reason: systemReason(error), isFailure: true };
  }
}

function entryOf(
  path: string,
  info: Deno.FileInfo,
  target: () => string,
): TreeEntry | Omission {
  const modifiedMs = info.mtime?.getTime() ?? 0;
  // Windows has none.
  const mode = (info.mode ?? (info.isDirectory ? 0o755 : 0o644)) & PERMISSIONS;
  if (info.isFile) return { kind: "file", path, modifiedMs, mode, size: info.size };
  if (info.isDirectory) return { kind: "directory", path, modifiedMs, mode };
  if (!info.isSymlink) {
    return { path, reason: "it is neither a file nor a directory", isFailure: false };
  }
  const leadsTo = target();
  if (staysInside(leadsTo, path.split("/").length - 1)) {
    return { kind: "link", path, modifiedMs, target: leadsTo };
  }
  return { path, reason: "a link that leads out of what is copied", isFailure: false };
}
