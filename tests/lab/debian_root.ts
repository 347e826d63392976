import { run } from "./command.ts";
import type { NetworkNamespace } from "./namespace.ts";

/** A Debian system with nothing but the base packages, in a folder: neither Deno nor Node. */
export class DebianRoot implements AsyncDisposable {
  readonly directory: string;
  readonly #namespace: NetworkNamespace;

  private constructor(directory: string, namespace: NetworkNamespace) {
    this.directory = directory;
    this.#namespace = namespace;
  }

  /**
   * Downloads and unpacks it: half a minute.
   *
   * @param packages what it has besides the base packages
   */
  static async create(
    namespace: NetworkNamespace,
    packages: readonly string[] = [],
  ): Promise<DebianRoot> {
    const directory = await Deno.makeTempDir({ prefix: "dhtnet-root-" });
    // Its services see it as the root, with rights of their own.
    await Deno.chmod(directory, 0o755);
    const release = /VERSION_CODENAME=(\w+)/.exec(await Deno.readTextFile("/etc/os-release"))![1]!;
    const include = packages.length === 0 ? [] : [`--include=${packages.join()}`];
    await run("debootstrap", "--variant=minbase", ...include, release, directory);
    return new DebianRoot(directory, namespace);
  }

  /** A command in it, with its own processes, in the network of the lab. */
  command(...words: string[]): string[] {
    const inside = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    return this.#namespace.inside("unshare", ...inside, `--root=${this.directory}`, ...words);
  }

  /** Runs a command in it to its end; throws with its complaint when it fails. */
  run(...words: string[]): Promise<string> {
    return run(
      ...this.command("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", ...words),
    );
  }

  /** All paths but those that the package manager and caches keep for themselves, sorted. */
  async paths(): Promise<string[]> {
    const found = await run("find", this.directory, "-xdev", "-not", "-type", "d");
    return found.trim().split("\n").map((path) => path.slice(this.directory.length))
      .filter((path) =>
        !/^\/(var\/(lib\/(dpkg|apt)|cache|log)|root\/\.(cache|config)|etc\/(passwd|group|shadow|gshadow)-?$|proc|dev|sys|tmp|packages)/
          .test(path)
      )
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}
