import { type Following, kernelOpen } from "./kernel_open.ts";
import { attempt, TreeError } from "./tree_error.ts";

/**
 * A hold on a file or directory: whoever renames it, or puts a link in its place, changes nothing
 * about what {@linkcode path} stands for. It is how everything beneath an allowed root is reached.
 *
 * Where the kernel offers no such hold, the path is a plain one that had no link in it when it was
 * looked at.
 */
export class HeldInode implements Disposable {
  /** A path for the runtime's functions, good until this is disposed of. */
  readonly path: string;
  readonly #descriptor: number | undefined;
  #holders = 1;

  private constructor(path: string, descriptor: number | undefined) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Holds a directory, by a path that is trusted.
   *
   * @throws {TreeError} when there is none
   */
  static root(path: string): HeldInode {
    const real = attempt(() => Deno.realPathSync(path));
    const kernel = kernelOpen();
    const descriptor = kernel?.directory(real);
    const root = kernel !== null && descriptor !== undefined
      ? new HeldInode(kernel.pathOf(descriptor), descriptor)
      : new HeldInode(real, undefined);
    if (root.stat().isDirectory) return root;
    root[Symbol.dispose]();
    throw new TreeError("it is no directory");
  }

  /** What it is. */
  stat(): Deno.FileInfo {
    return attempt(() => Deno.statSync(this.path));
  }

  /** Path of something in this directory. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** What is in this directory under a name, not following links; undefined for nothing. */
  look(name: string): Deno.FileInfo | undefined {
    const kernel = kernelOpen();
    if (this.#descriptor !== undefined && kernel?.lacks(this.#descriptor, name)) return undefined;
    try {
      return Deno.lstatSync(this.at(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      return attempt(() => {
        throw error;
      });
    }
  }

  /**
   * Holds something beneath this directory.
   *
   * @throws {TreeError} when it is not there, or a link leads to it that may not
   */
  beneath(names: readonly string[], following: Following = "no-links"): HeldInode {
    const kernel = kernelOpen();
    const path = names.join("/");
    if (kernel !== null && this.#descriptor !== undefined) {
      const descriptor = kernel.beneath(this.#descriptor, path || ".", following);
      if (descriptor === undefined) throw this.#whyNot(names, following);
      return new HeldInode(kernel.pathOf(descriptor), descriptor);
    }
    const whole = path === "" ? this.path : this.at(path);
    const real = attempt(() => Deno.realPathSync(whole));
    if (real !== whole) throw this.#whyNot(names, "no-links");
    return new HeldInode(whole, undefined);
  }

  /**
   * Makes a file in this directory, for its owner alone, and holds it.
   *
   * @returns undefined when there is something of that name
   * @throws {TreeError} when it cannot be made
   */
  create(name: string): HeldInode | undefined {
    const kernel = kernelOpen();
    if (kernel !== null && this.#descriptor !== undefined) {
      const descriptor = kernel.create(this.#descriptor, name);
      if (descriptor !== undefined) return new HeldInode(kernel.pathOf(descriptor), descriptor);
    }
    // Also tells why the kernel did not.
    const path = this.at(name);
    const isNew = attempt(() => {
      try {
        Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return false;
        throw error;
      }
    });
    return isNew ? this.beneath([name]) : undefined;
  }

  /** The same hold for somebody else, who lets go of it, too. */
  shared(): HeldInode {
    this.#holders++;
    return this;
  }

  /** Lets go. */
  [Symbol.dispose](): void {
    if (--this.#holders === 0 && this.#descriptor !== undefined) {
      kernelOpen()?.close(this.#descriptor);
    }
  }

  #whyNot(names: readonly string[], following: Following): TreeError {
    for (let length = 1; length <= names.length; length++) {
      const part = names.slice(0, length).join("/");
      const there = this.look(part);
      if (there === undefined) return new TreeError("there is no such file or directory");
      if (there.isSymlink) {
        return new TreeError(
          following === "no-links"
            ? `${JSON.stringify(part)} is a symbolic link`
            : `${JSON.stringify(part)} is a symbolic link that leads out of what is allowed`,
        );
      }
      if (length < names.length && !there.isDirectory) {
        return new TreeError(`${JSON.stringify(part)} is no directory`);
      }
    }
    return new TreeError("permission denied");
  }
}
