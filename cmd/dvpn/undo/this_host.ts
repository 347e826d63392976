import { configDirectory } from "../../tool/config_directory.ts";
import type { Action, SysctlChange } from "../plan/action.ts";
import type { Forget, NetworkHost } from "../plan/network_plan.ts";
import { isGone, isThere, perform, sysctlValue } from "../plan/perform.ts";
import {
  Journal,
  type JournalRecord,
  readRecords,
  type StoredRecord,
  writeRecord,
} from "./journal.ts";
import { isAlive, ownMark, type ProcessMark } from "./process_mark.ts";

/** Where root's journals are: changes outlive a reboot only in files, and so do these. */
const SYSTEM_DIRECTORY = "/var/lib/dhtnet/dvpn";

/** Where journals are: below `$STATE_DIRECTORY`, which systemd sets, or a place of the user's. */
export function journalDirectory(): string {
  const given = Deno.env.get("STATE_DIRECTORY");
  if (given) return `${given}/dvpn`;
  return Deno.uid() === 0 ? SYSTEM_DIRECTORY : `${configDirectory()}/dvpn`;
}

/** What came of undoing what killed processes have left. */
export interface LeftUndone {
  /** How many processes there were. */
  readonly count: number;
  /** What could not be undone, and why; it stays in the journals. */
  readonly failed: readonly string[];
  /** Undoes what was to be kept, if there was that. */
  readonly undoKept?: () => Promise<void>;
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

  /**
   * Makes one change. One that is there already will do, if another process that runs has made it.
   *
   * @throws {ToolError} with the change and what went wrong
   */
  async perform(action: Action, undo?: Action): Promise<void> {
    try {
      await perform(action);
    } catch (error) {
      if (undo === undefined || !isThere(error) || !await this.#isClaimed(undo)) throw error;
    }
  }

  /**
   * Takes one back, unless another process that runs needs it, too, or it is gone already.
   *
   * @throws {ToolError}
   */
  async undo(action: Action): Promise<void> {
    if ("sysctl" in action && await this.#claimedValue(action.sysctl) !== undefined) return;
    if (await this.#isClaimed(action)) return;
    try {
      await perform(action);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Remembers what would undo a plan. @throws {NetError} `file` */
  async remember(undo: readonly Action[]): Promise<Forget> {
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
   */
  async undoLeft(keep?: Action): Promise<LeftUndone> {
    const records = await readRecords(this.#directory);
    const left = records.filter(({ process }) => !isAlive(process) && this.#concerns(process));
    const isKept = (action: Action) => isSame(action, keep);
    const todo = left.map((record) => ({ record, actions: this.#stillMade(record) }));
    const isKeptThere = todo.some(({ actions }) => actions.some(isKept));
    const forget = isKeptThere ? await this.remember([keep!]) : undefined;
    const failed: string[] = [];
    for (const { record, actions } of todo) {
      const stay: Action[] = [];
      for (const action of actions) {
        if (isKept(action)) continue;
        await this.undo(action).catch((error) => {
          stay.push(action);
          failed.push(error instanceof Error ? error.message : String(error));
        });
      }
      await this.#settle(record, stay, isKeptThere);
    }
    const count = left.length;
    if (forget === undefined) return { count, failed };
    const undoKept = async () => {
      const isUndone = await this.undo(keep!).then(() => true, () => false);
      await forget(isUndone ? [] : [keep!]);
    };
    return { count, failed, undoKept };
  }

  /** After a reboot, files are all that is left. */
  #stillMade({ process, undo }: JournalRecord): readonly Action[] {
    return process.boot === this.#process.boot ? undo : undo.filter((action) => "file" in action);
  }

  /** Leaves in a dead process's journal what could not be undone. */
  async #settle(
    { path, process }: StoredRecord,
    stay: readonly Action[],
    isOursWritten: boolean,
  ): Promise<void> {
    if (path === this.#journal.path) {
      // One of the same number as ours: it will be, or has been, replaced by ours.
      if (stay.length > 0) await this.remember(stay);
      else if (!isOursWritten) await Deno.remove(path).catch(() => {});
      return;
    }
    const settled = stay.length > 0
      ? writeRecord(path, { process, undo: stay })
      : Deno.remove(path);
    // What cannot be written tells of more than is left, which does no harm.
    await settled.catch(() => {});
  }

  /** Whether it is for another process that runs to undo something. */
  async #isClaimed(undo: Action): Promise<boolean> {
    const others = await this.#others();
    return others.some((other) => other.undo.some((one) => isSame(one, undo)));
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

function isSame(one: Action, other: Action | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
