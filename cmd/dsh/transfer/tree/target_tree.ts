import { lutimesSync } from "node:fs";
import { createHash } from "node:crypto";
import { namesOf } from "../protocol/relative_path.ts";
import type { DirectoryEntry, FileEntry, LinkEntry } from "../protocol/tree_entry.ts";
import { PERMISSIONS } from "../protocol/tree_entry.ts";
import { type Destination, type Place, placeOf } from "./destination.ts";
import type { HeldInode } from "./held_inode.ts";
import { PartFile, partName } from "./part_file.ts";
import { inTheWay, replaceable } from "./replaceable.ts";
import { attempt, TreeError } from "./tree_error.ts";

/** Rights that the owner needs in a directory while it is filled. */
const FILLING = 0o700;
/** Most directories in a transfer: their permissions and times are set at its end. */
const MAX_DIRECTORIES = 200_000;
/** SHA-256 of nothing. */
const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** What a file's place in the tree holds. */
export type Found = "same" | "nothing" | { readonly part: PartFile };

/**
 * A tree that is being received. Nothing of it is stored anywhere but beneath its place: no path of
 * the peer is followed through a link.
 */
export class TargetTree implements Disposable {
  readonly #destination: Destination;
  readonly #directories: DirectoryEntry[] = [];
  /** Paths of directories that were not there before: nothing has to be looked for in them. */
  readonly #made = new Set<string>();
  #place: Place | undefined;
  /** The directory that was used last. */
  #recent: { readonly path: string; readonly held: HeldInode } | undefined;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Whether the copy is put into what was asked for; undefined when it did not come to that. */
  get isInto(): boolean | undefined {
    return this.#place?.isInto;
  }

  /**
   * Makes a directory, or sees to it that it can be filled.
   *
   * @throws {TreeError} when it cannot be there
   */
  directory(entry: DirectoryEntry): void {
    if (this.#directories.length >= MAX_DIRECTORIES) {
      throw new TreeError(`one transfer has ${MAX_DIRECTORIES} directories at most`);
    }
    const { path } = entry;
    this.#place ??= placeOf(this.#destination, path === "");
    const names = this.#names(path);
    const name = names.at(-1);
    if (name !== undefined) {
      const parent = this.#hold(names.slice(0, -1));
      const there = parent.look(name);
      if (there === undefined) {
        attempt(() => Deno.mkdirSync(parent.at(name), { mode: entry.mode | FILLING }));
        this.#made.add(path);
      } else if (!there.isDirectory) {
        throw inTheWay(there);
      }
    }
    const held = this.#hold(names);
    const { mode } = held.stat();
    if (name !== undefined && mode !== null && (mode & FILLING) !== FILLING) {
      attempt(() => Deno.chmodSync(held.path, mode & PERMISSIONS | FILLING));
    }
    this.#directories.push(entry);
  }

  /**
   * Makes a symbolic link.
   *
   * @returns whether it was not there already
   * @throws {TreeError} when it cannot be there
   */
  link({ path, target, modifiedMs }: LinkEntry): boolean {
    const { parent, name } = this.#find(path);
    const there = replaceable(parent, name);
    if (there?.isSymlink && attempt(() => Deno.readLinkSync(parent.at(name))) === target) {
      return false;
    }
    const temporary = parent.at(partName(name));
    attempt(() => {
      if (parent.look(partName(name))?.isSymlink) Deno.removeSync(temporary);
      Deno.symlinkSync(target, temporary);
      lutimesSync(temporary, modifiedMs / 1000, modifiedMs / 1000);
      Deno.renameSync(temporary, parent.at(name));
    });
    return true;
  }

  /**
   * Looks what there is of a file: one of the same size and time counts as the same.
   *
   * @throws {TreeError} when it cannot be there
   */
  async find(entry: FileEntry): Promise<Found> {
    this.#place ??= placeOf(this.#destination, false);
    const { path } = entry;
    if (path !== "" && this.#made.has(path.slice(0, Math.max(path.lastIndexOf("/"), 0)))) {
      return "nothing";
    }
    const { parent, name } = this.#find(path);
    const there = replaceable(parent, name);
    const isSame = there?.isFile && there.size === entry.size &&
      there.mtime?.getTime() === entry.modifiedMs;
    if (isSame) {
      if (there.mode !== null && (there.mode & PERMISSIONS) !== entry.mode) {
        using held = parent.beneath([name]);
        attempt(() => Deno.chmodSync(held.path, entry.mode));
      }
      return "same";
    }
    const part = await PartFile.resume(parent, name, entry.size);
    return part === undefined ? "nothing" : { part };
  }

  /**
   * Begins a file.
   *
   * @throws {TreeError} when it cannot be there
   */
  create(path: string): PartFile {
    const { parent, name } = this.#find(path);
    return PartFile.create(parent, name);
  }

  /** Makes an empty file. */
  createEmpty(entry: FileEntry): void {
    this.create(entry.path).complete({ ...entry, sha256: EMPTY_SHA256 });
  }

  /**
   * Gives the directories their permissions and times.
   *
   * @param onFailure told what could not be done
   */
  finish(onFailure: (path: string, error: TreeError) => void): void {
    for (const { path, mode, modifiedMs } of this.#directories.reverse()) {
      try {
        const names = this.#names(path);
        // What a root itself is like is not the peer's to say.
        if (names.length === 0) continue;
        using held = this.#parent().beneath(names);
        attempt(() => {
          Deno.chmodSync(held.path, mode);
          Deno.utimeSync(held.path, new Date(modifiedMs), new Date(modifiedMs));
        });
      } catch (error) {
        if (!(error instanceof TreeError)) throw error;
        onFailure(path, error);
      }
    }
  }

  /** Lets go. */
  [Symbol.dispose](): void {
    this.#recent?.held[Symbol.dispose]();
    this.#recent = undefined;
    this.#place?.parent[Symbol.dispose]();
  }

  #parent(): HeldInode {
    if (this.#place === undefined) throw new TreeError("its directory was not made");
    return this.#place.parent;
  }

  #names(path: string): readonly string[] {
    const { name } = this.#place!;
    return [...(name === undefined ? [] : [name]), ...namesOf(path)!];
  }

  #find(path: string): { parent: HeldInode; name: string } {
    this.#parent();
    const names = this.#names(path);
    const name = names.at(-1);
    if (name === undefined) throw new TreeError("there is a directory in its place");
    return { parent: this.#hold(names.slice(0, -1)), name };
  }

  #hold(names: readonly string[]): HeldInode {
    const path = names.join("/");
    if (this.#recent?.path !== path) {
      const held = this.#parent().beneath(names);
      this.#recent?.held[Symbol.dispose]();
      this.#recent = { path, held };
    }
    return this.#recent.held;
  }
}
