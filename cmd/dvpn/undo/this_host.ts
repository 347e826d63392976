import { configDirectory } from "../../tool/config_directory.ts";
import type { Action, SysctlChange } from "../plan/action.ts";
import type { NetworkHost } from "../plan/network_plan.ts";
import { perform, sysctlValue } from "../plan/perform.ts";
import { Journal, type JournalRecord, readRecords } from "./journal.ts";
import { isAlive, ownMark, type ProcessMark } from "./process_mark.ts";

/** Where root's journals are: changes outlive a reboot only in files, and so do these. */
const SYSTEM_DIRECTORY = "/var/lib/dhtnet/dvpn";

/** Where journals are: below `$STATE_DIRECTORY`, which systemd sets, or a place of the user's. */
export function journalDirectory(): string {
  const given = Deno.env.get("STATE_DIRECTORY");
  if (given) return `${given}/dvpn`;
  return Deno.uid() === 0 ? SYSTEM_DIRECTORY : `${configDirectory()}/dvpn`;
}

/** This host's network, as this process and others like it change it. */
export class ThisHost implements NetworkHost {
  readonly #directory: string;
  readonly #process: ProcessMark;
  readonly #journal: Journal;

  /** @param directory where journals are, {@linkcode journalDirectory} by default */
  constructor(directory: string = journalDirectory()) {
    this.#directory = directory;
    this.#process = ownMark();
    this.#journal = new Journal(directory, this.#process);
  }

  /** Makes one change. @throws {ToolError} with the change and what went wrong */
  async perform(action: Action): Promise<void> {
    await perform(action);
  }

  /** Takes one back, unless another process that runs needs it, too. @throws {ToolError} */
  async undo(action: Action): Promise<void> {
    if ("sysctl" in action && await this.#claimedValue(action.sysctl) !== undefined) return;
    await perform(action);
  }

  /** Remembers what would undo a plan. @throws {NetError} `file` */
  async remember(undo: readonly Action[]): Promise<() => Promise<void>> {
    return await this.#journal.enter(undo);
  }

  /**
   * The value to go back to when a setting of the kernel is not needed any more: the one that it
   * has, or had before another process that runs has changed it. Undefined when there is none.
   */
  async sysctlBefore(sysctl: string): Promise<string | undefined> {
    return await this.#claimedValue(sysctl) ?? sysctlValue(sysctl);
  }

  /** Whether another process that runs has changed a file. */
  async isFileTaken(file: string): Promise<boolean> {
    const others = await this.#others();
    return others.some(({ undo }) => undo.some((one) => "file" in one && one.file === file));
  }

  /**
   * Undoes what processes have left that were killed.
   *
   * @param keep which of it to leave: it is to be there again in a moment
   * @returns how many there were
   */
  async undoLeft(keep: (action: Action) => boolean = () => false): Promise<number> {
    const records = await readRecords(this.#directory);
    const left = records.filter(({ process }) => !isAlive(process) && this.#concerns(process));
    for (const { path, process, undo } of left) {
      // After a reboot, files are all that is left.
      const sameBoot = process.boot === this.#process.boot;
      for (const action of undo) {
        if (!keep(action) && (sameBoot || "file" in action)) {
          await this.undo(action).catch(() => {});
        }
      }
      await Deno.remove(path).catch(() => {});
    }
    return left.length;
  }

  async #claimedValue(sysctl: string): Promise<string | undefined> {
    const claims = (await this.#others()).flatMap(({ undo }) => undo)
      .filter((one): one is SysctlChange => "sysctl" in one && one.sysctl === sysctl);
    return claims[0]?.value;
  }

  async #others(): Promise<JournalRecord[]> {
    return (await readRecords(this.#directory)).filter(({ process }) =>
      process.pid !== this.#process.pid && this.#concerns(process) && isAlive(process)
    );
  }

  /** Other namespaces are other networks, unless the system has been restarted. */
  #concerns({ network, boot }: ProcessMark): boolean {
    return network === this.#process.network || boot !== this.#process.boot;
  }
}
