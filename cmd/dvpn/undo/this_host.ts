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
   * @param keep what to leave, and to remember as ours, until it is undone by what is returned
   * @returns how many processes there were, and what undoes the kept action if there was one
   */
  async undoLeft(keep?: Action): Promise<{ count: number; undoKept?: () => Promise<void> }> {
    const records = await readRecords(this.#directory);
    const left = records.filter(({ process }) => !isAlive(process) && this.#concerns(process));
    const isKept = (action: Action) => JSON.stringify(action) === JSON.stringify(keep);
    const actions = left.flatMap(({ process, undo }) =>
      // After a reboot, files are all that is left.
      process.boot === this.#process.boot ? undo : undo.filter((action) => "file" in action)
    );
    const forget = actions.some(isKept) ? await this.remember([keep!]) : undefined;
    for (const action of actions) if (!isKept(action)) await this.undo(action).catch(() => {});
    for (const { path } of left) {
      // One of the same number as ours has been replaced already.
      if (forget === undefined || path !== this.#journal.path) {
        await Deno.remove(path).catch(() => {});
      }
    }
    if (forget === undefined) return { count: left.length };
    const undoKept = async () => {
      await this.undo(keep!).catch(() => {});
      await forget();
    };
    return { count: left.length, undoKept };
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
