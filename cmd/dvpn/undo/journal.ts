import { readBounded, writeSecret } from "../../../lib/net/atomic_file.ts";
import type { Action } from "../plan/action.ts";
import type { Forget } from "../plan/network_plan.ts";
import type { ProcessMark } from "./process_mark.ts";

/** More than the changes of one process need. */
const MAX_FILE_BYTES = 1 << 20;
const SUFFIX = ".journal";

/** What a process has changed, or was about to change. */
export interface JournalRecord {
  /** Whose changes they are. */
  readonly process: ProcessMark;
  /** What undoes them, in the order to do it. */
  readonly undo: readonly Action[];
}

/** A record and the file that it is in. */
export interface StoredRecord extends JournalRecord {
  readonly path: string;
}

/**
 * The file that tells what undoes the changes of this process. It is written before the changes are
 * made, so that whatever ends the process, the file knows; and is gone when everything is undone.
 */
export class Journal {
  /** Where the file is, while there is something to undo. */
  readonly path: string;
  readonly #process: ProcessMark;
  #plans: readonly (readonly Action[])[] = [];
  #writing: Promise<void> = Promise.resolve();

  /** Writes nothing yet. */
  constructor(directory: string, process: ProcessMark) {
    this.path = `${directory}/${process.network}-${process.pid}${SUFFIX}`;
    this.#process = process;
  }

  /**
   * Adds what undoes a plan.
   *
   * @returns what takes it out again, but for what has failed
   * @throws {NetError} `file` when the file cannot be written
   */
  async enter(undo: readonly Action[]): Promise<Forget> {
    if (undo.length === 0) return () => Promise.resolve();
    // The last plan made is the first one to be undone.
    this.#plans = [undo, ...this.#plans];
    await this.#save();
    let entry = undo;
    return async (failed) => {
      const left = undo.filter((action) => failed.includes(action));
      this.#plans = this.#plans.map((plan) => plan === entry ? left : plan)
        .filter(({ length }) => length > 0);
      entry = left;
      // A file that cannot be written stays and tells of more: the next start finds that undone.
      await this.#save().catch(() => {});
    };
  }

  #save(): Promise<void> {
    const save = async () => {
      const undo = this.#plans.flat();
      if (undo.length === 0) return await Deno.remove(this.path).catch(() => {});
      await writeRecord(this.path, { process: this.#process, undo });
    };
    const saved = this.#writing.then(save);
    this.#writing = saved.catch(() => {});
    return saved;
  }
}

/** Writes, or replaces, a record. @throws {NetError} `file` */
export async function writeRecord(path: string, record: JournalRecord): Promise<void> {
  await writeSecret(path, new TextEncoder().encode(`${JSON.stringify(record)}\n`));
}

/** The records in a directory; what cannot be read as one is left out. */
export async function readRecords(directory: string): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (!name.endsWith(SUFFIX)) continue;
      const record = await read(`${directory}/${name}`);
      if (record !== undefined) records.push(record);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return records;
}

async function read(path: string): Promise<StoredRecord | undefined> {
  try {
    const bytes = await readBounded(path, MAX_FILE_BYTES);
    if (bytes === undefined) return undefined;
    const { process, undo } = JSON.parse(new TextDecoder().decode(bytes));
    const isRecord = Number.isSafeInteger(process?.pid) && Array.isArray(undo) &&
      [process.startTime, process.boot, process.network].every((one) => typeof one === "string");
    return isRecord ? { path, process, undo } : undefined;
  } catch {
    return undefined;
  }
}
