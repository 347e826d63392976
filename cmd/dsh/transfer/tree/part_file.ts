import { createHash, type Hash } from "node:crypto";
import { HeldInode } from "./held_inode.ts";
import { replaceable } from "./replaceable.ts";
import { attempt, attempted, TreeError } from "./tree_error.ts";

/** Ends the name of a file that is not complete. */
const SUFFIX = ".dhtnet-part";
/** Longest name of a file, bytes. */
const MAX_NAME_BYTES = 255;
/** Bytes from which on a beginning is worth keeping. */
const WORTH_KEEPING = 64 * 1024;
/** Up to so many bytes a write is over before a thread could have been woken for it. */
const WRITE_AT_ONCE = 64 * 1024;
const READ_BYTES = 256 * 1024;

/** Whether a name is that of a file that is not complete. */
export function isPartName(name: string): boolean {
  return name.startsWith(".") && name.endsWith(SUFFIX);
}

/** Name under which a file grows. */
export function partName(name: string): string {
  const usual = `.${name}${SUFFIX}`;
  if (new TextEncoder().encode(usual).length <= MAX_NAME_BYTES) return usual;
  return `.${createHash("sha256").update(name).digest("hex")}${SUFFIX}`;
}

/** How a file is to be when it is complete. */
export interface Completion {
  /** SHA-256 of all of it, in hex. */
  readonly sha256: string;
  /** Permissions. */
  readonly mode: number;
  readonly modifiedMs: number;
}

/**
 * A file that is being received, under a name of its own in its directory; it gets its name when
 * all of it is there and has the right hash. Left behind, its beginning is found by the next
 * transfer.
 *
 * ```
 *   create ──▶ write … ──▶ complete: named        (hash wrong: removed)
 *   resume ──▶    └─────▶ keep: for the next time (too little to be worth it: removed)
 * ```
 *
 * A lock (flock) tells what another transfer writes from what one has left.
 */
export class PartFile {
  readonly #directory: HeldInode;
  readonly #name: string;
  readonly #held: HeldInode;
  readonly #file: Deno.FsFile;
  #hash: Hash;
  /** Bytes that are there. */
  size = 0;

  private constructor(directory: HeldInode, name: string, held: HeldInode, file: Deno.FsFile) {
    this.#directory = directory;
    this.#name = name;
    this.#held = held;
    this.#file = file;
    this.#hash = createHash("sha256");
  }

  /**
   * Begins a file.
   *
   * @throws {TreeError} naming the reason
   */
  static create(directory: HeldInode, name: string): PartFile {
    const created = directory.create(partName(name)) ?? PartFile.#replace(directory, name);
    if (created !== undefined) return PartFile.#open(directory, name, created);
    const part = PartFile.#open(directory, name, directory.beneath([partName(name)]));
    part.#truncate();
    return part;
  }

  /**
   * Goes on with what was left of an earlier transfer.
   *
   * @param limit bytes that the whole file has
   * @returns undefined when there is nothing, or too much
   * @throws {TreeError} when another transfer is writing it
   */
  static async resume(
    directory: HeldInode,
    name: string,
    limit: number,
  ): Promise<PartFile | undefined> {
    const former = directory.look(partName(name));
    if (!former?.isFile || former.size < WORTH_KEEPING || former.size > limit) return undefined;
    const part = PartFile.#open(directory, name, directory.beneath([partName(name)]));
    try {
      await part.#readBack(former.size);
      return part;
    } catch (error) {
      part.close();
      throw error;
    }
  }

  /** Makes the file in the place of a link; undefined where a file is. */
  static #replace(directory: HeldInode, name: string): HeldInode | undefined {
    if (replaceable(directory, partName(name))?.isFile) return undefined;
    attempt(() => Deno.removeSync(directory.at(partName(name))));
    return directory.create(partName(name));
  }

  static #open(directory: HeldInode, name: string, held: HeldInode): PartFile {
    let file: Deno.FsFile | undefined;
    const own = directory.shared();
    try {
      // What is held cannot be exchanged; but it must not be a FIFO, for which opening waits.
      const { isFile, ino } = held.stat();
      if (!isFile) throw new TreeError("there is something else in its place");
      file = attempt(() => Deno.openSync(held.path, { read: true, write: true }));
      const opened = file;
      // Whoever had the lock before may have named the file, or removed it.
      const isOurs = attempt(() => opened.tryLockSync(true)) &&
        attempt(() => Deno.lstatSync(directory.at(partName(name)))).ino === ino;
      if (!isOurs) throw new TreeError("another transfer is writing it");
      return new PartFile(own, name, held, file);
    } catch (error) {
      file?.close();
      held[Symbol.dispose]();
      own[Symbol.dispose]();
      throw error;
    }
  }

  /** SHA-256 of what is there, in hex. */
  get sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Forgets what is there. */
  restart(): void {
    this.#truncate();
    this.#hash = createHash("sha256");
  }

  /** @throws {TreeError} for example when the disk is full */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at);
      at += rest.length <= WRITE_AT_ONCE
        ? attempt(() => this.#file.writeSync(rest))
        : await attempted(this.#file.write(rest));
    }
    this.#hash.update(bytes);
    this.size += bytes.length;
  }

  /**
   * Gives the file its name, in the place of a former one.
   *
   * @throws {TreeError} when it is not what was sent, or cannot be named
   */
  complete({ sha256, mode, modifiedMs }: Completion): void {
    try {
      if (this.#hash.digest("hex") !== sha256) {
        this.#remove();
        throw new TreeError("what arrived does not have the hash of what was sent");
      }
      attempt(() => {
        const modified = new Date(modifiedMs);
        this.#file.utimeSync(modified, modified);
        // Again: a file may be days on its way.
        replaceable(this.#directory, this.#name);
        Deno.renameSync(
          this.#directory.at(partName(this.#name)),
          this.#directory.at(this.#name),
        );
        Deno.chmodSync(this.#held.path, mode);
      });
    } finally {
      this.close();
    }
  }

  /** Leaves what is there for the next time. */
  keep(): void {
    if (this.size < WORTH_KEEPING) this.#remove();
    this.close();
  }

  /** Lets go. */
  close(): void {
    this.#file.close();
    this.#held[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }

  #truncate(): void {
    attempt(() => {
      this.#file.truncateSync(0);
      this.#file.seekSync(0, Deno.SeekMode.Start);
    });
    this.size = 0;
  }

  #remove(): void {
    try {
      Deno.removeSync(this.#directory.at(partName(this.#name)));
    } catch {
      // Then it stays.
    }
  }

  async #readBack(size: number): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    while (this.size < size) {
      const count = await attempted(this.#file.read(buffer.subarray(0, size - this.size)));
      if (count === null) break;
      this.#hash.update(buffer.subarray(0, count));
      this.size += count;
    }
    attempt(() => this.#file.seekSync(this.size, Deno.SeekMode.Start));
  }
}
