import { createHash, type Hash } from "node:crypto";
import type { Frame } from "../protocol/frame_decoder.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import type { FrameOutput } from "./frame_output.ts";
import { type Answer, decodeAnswers } from "./protocol/answer.ts";
import { FileFrame, WINDOW } from "./protocol/file_frame.ts";
import {
  decodeFailure,
  decodeNote,
  encodeBegin,
  encodeEnd,
  encodeNote,
  encodeSkip,
  type Note,
} from "./protocol/file_messages.ts";
import { encodeEntries, type FileEntry, formatEntry, MAX_ENTRIES } from "./protocol/tree_entry.ts";
import type { Tally } from "./tally.ts";
import { TransferFailure } from "./transfer_failure.ts";
import type { SourceTree } from "./tree/source_tree.ts";
import { attempt, attempted, TreeError } from "./tree/tree_error.ts";

/** Characters of entries that travel in one message; JSON makes six bytes of some. */
const BATCH_CHARACTERS = 8 * 1024;
/** So many wanted files are known before the tree is looked at further. */
const ENOUGH_WANTED = 256;
/** Up to so many bytes are read before a thread could have been woken for it. */
const READ_AT_ONCE = 64 * 1024;
const HASH_BYTES = 256 * 1024;

/** What both ends of a transfer are told. */
export interface TransferObserver {
  /** Counts. */
  readonly tally: Tally;
  /** Something for the user, of this side or the other one. */
  note(note: Note): void;
}

/** A file that was announced and is not through. */
interface PendingFile {
  readonly entry: FileEntry;
  isWanted: boolean;
  /** The receiver can do nothing with it any more. */
  isGivenUp: boolean;
}

/**
 * Sends a tree. One task looks at the tree and sends; another one takes what the receiver says.
 *
 * ```
 *   look at the tree ──▶ entries ──▶ pending ──▶ answered: have, failed ─▶ through
 *                                       └──────▶ answered: want, resume ─▶ sent ─▶ through
 * ```
 */
export class TreeSender {
  readonly #tree: SourceTree;
  readonly #output: FrameOutput;
  readonly #observer: TransferObserver;
  readonly #pending = new Map<number, PendingFile>();
  readonly #wanted: Answer[] = [];
  #entries = 0;
  #isOver = false;
  #isFinished = false;
  #wake = Promise.withResolvers<void>();

  constructor(tree: SourceTree, output: FrameOutput, observer: TransferObserver) {
    this.#tree = tree;
    this.#output = output;
    this.#observer = observer;
  }

  /**
   * Sends until the receiver has everything.
   *
   * @param frames of the receiver
   * @throws {TransferFailure} when the receiver cannot go on
   * @throws {ProtocolError} when it breaks the protocol
   */
  async run(frames: AsyncIterable<Frame<FileFrame>>): Promise<void> {
    try {
      await Promise.all([this.#send(), this.#receive(frames)]);
    } finally {
      this.#isOver = true;
      this.#notify();
    }
  }

  async #receive(frames: AsyncIterable<Frame<FileFrame>>): Promise<void> {
    for await (const { type, payload } of frames) {
      switch (type) {
        case FileFrame.answers:
          decodeAnswers(payload).forEach((answer) => this.#take(answer));
          this.#notify();
          break;
        case FileFrame.note:
          this.#observer.note(decodeNote(payload));
          break;
        case FileFrame.failure:
          throw new TransferFailure(decodeFailure(payload), "peer");
        case FileFrame.done:
          if (this.#isFinished) return;
          throw new ProtocolError("message", "done before everything was sent");
        default:
          throw new ProtocolError("frame-type", `a frame of type ${type} is not a receiver's`);
      }
    }
    throw new TransferFailure("it left without a word", "peer");
  }

  #take(answer: Answer): void {
    const pending = this.#pending.get(answer.index);
    if (answer.kind === "failed") {
      // It may have failed after all of it was sent.
      if (pending?.isWanted) pending.isGivenUp = true;
      else if (pending !== undefined) this.#settle(answer.index, false);
      return;
    }
    if (pending === undefined || pending.isWanted) {
      throw new ProtocolError("message", "an answer to what was not asked");
    }
    if (answer.kind === "have") return this.#settle(answer.index, false);
    pending.isWanted = true;
    this.#wanted.push(answer);
  }

  async #send(): Promise<void> {
    const tree = this.#tree.entries();
    try {
      await this.#sendTree(tree);
    } finally {
      // It holds the directory that it is in.
      tree.return();
    }
    this.#isFinished = true;
    await this.#output.add(FileFrame.finished, encodeEmpty());
    await this.#output.drain();
  }

  async #sendTree(tree: ReturnType<SourceTree["entries"]>): Promise<void> {
    let isComplete = false;
    while (!this.#isOver) {
      const hasRoom = this.#pending.size <= WINDOW - MAX_ENTRIES;
      if (!isComplete && hasRoom && this.#wanted.length < ENOUGH_WANTED) {
        isComplete = await this.#announce(tree);
        continue;
      }
      const answer = this.#wanted.shift();
      if (answer !== undefined) await this.#sendFile(answer);
      else if (isComplete && this.#pending.size === 0) break;
      else {
        this.#wake = Promise.withResolvers();
        await this.#output.flush();
        // Something may have come while the former batch went out.
        if (this.#wanted.length === 0 && this.#pending.size > 0) await this.#wake.promise;
      }
    }
  }

  /** Sends a part of the tree; whether it was the last one. */
  async #announce(tree: ReturnType<SourceTree["entries"]>): Promise<boolean> {
    const batch: string[] = [];
    const { tally } = this.#observer;
    let characters = 0;
    let isComplete = false;
    while (batch.length < MAX_ENTRIES && characters < BATCH_CHARACTERS) {
      const { value: entry, done } = tree.next();
      if (done || entry === undefined) {
        isComplete = true;
        break;
      }
      if (!("kind" in entry)) {
        if (entry.path === "" && this.#entries === 0) {
          throw new TransferFailure(entry.reason, "own");
        }
        await this.#note(entry);
        continue;
      }
      const index = this.#entries++;
      if (entry.kind === "file") {
        this.#pending.set(index, { entry, isWanted: false, isGivenUp: false });
        tally.announce(entry.size);
      }
      const text = formatEntry(entry);
      batch.push(text);
      characters += text.length;
    }
    if (batch.length > 0) await this.#output.add(FileFrame.entries, encodeEntries(batch));
    if (isComplete) {
      tally.isComplete = true;
      await this.#output.add(FileFrame.entriesEnd, encodeEmpty());
    }
    return isComplete;
  }

  async #sendFile(answer: Answer): Promise<void> {
    const pending = this.#pending.get(answer.index)!;
    const { path } = pending.entry;
    let isCarried = false;
    try {
      if (!pending.isGivenUp) {
        using file = this.#tree.open(path);
        isCarried = await this.#sendContents(file, answer, pending);
      }
    } catch (error) {
      if (!(error instanceof TreeError)) throw error;
      await this.#note({ path, reason: error.message, isFailure: true });
    }
    if (!isCarried) await this.#output.add(FileFrame.skip, encodeSkip(answer.index));
    this.#settle(answer.index, isCarried);
  }

  /** Sends a file; whether it was all of it. */
  async #sendContents(file: Deno.FsFile, answer: Answer, pending: PendingFile): Promise<boolean> {
    const { tally } = this.#observer;
    const before = identityOf(file);
    const { size, modifiedMs } = before;
    const { hash, offset } = await beginningOf(file, answer, size);
    tally.begin(pending.entry.path, offset);
    const begin = { index: answer.index, offset, size, modifiedMs };
    await this.#output.add(FileFrame.begin, encodeBegin(begin));
    for (let at = offset; at < size;) {
      if (pending.isGivenUp || this.#isOver) return false;
      const room = (await this.#output.room()).subarray(0, size - at);
      const count = await read(file, room);
      if (count === null) throw new TreeError("it became shorter while it was read");
      hash.update(room.subarray(0, count));
      this.#output.addData(count);
      tally.carry(count);
      at += count;
    }
    const after = identityOf(file);
    if (after.modifiedMs !== modifiedMs || after.size !== size) {
      throw new TreeError("it changed while it was read");
    }
    await this.#output.add(FileFrame.end, encodeEnd(hash.digest("hex")));
    return true;
  }

  async #note(note: Note): Promise<void> {
    this.#observer.note(note);
    await this.#output.add(FileFrame.note, encodeNote(note));
  }

  #settle(index: number, isCarried: boolean): void {
    const pending = this.#pending.get(index);
    this.#pending.delete(index);
    if (pending !== undefined) this.#observer.tally.settle(pending.entry.size, isCarried);
  }

  #notify(): void {
    this.#wake.resolve();
  }
}

function encodeEmpty(): Uint8Array {
  return new TextEncoder().encode("{}");
}

/** The hash of what the receiver has, if that is how the file begins; else that of nothing. */
async function beginningOf(
  file: Deno.FsFile,
  answer: Answer,
  size: number,
): Promise<{ hash: Hash; offset: number }> {
  if (answer.kind === "resume" && answer.offset <= size) {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(HASH_BYTES);
    let at = 0;
    while (at < answer.offset) {
      const count = await read(file, buffer.subarray(0, answer.offset - at));
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    if (hash.copy().digest("hex") === answer.sha256) return { hash, offset: at };
    attempt(() => file.seekSync(0, Deno.SeekMode.Start));
  }
  return { hash: createHash("sha256"), offset: 0 };
}

function identityOf(file: Deno.FsFile): { size: number; modifiedMs: number } {
  const { size, mtime } = attempt(() => file.statSync());
  return { size, modifiedMs: mtime?.getTime() ?? 0 };
}

async function read(file: Deno.FsFile, into: Uint8Array): Promise<number | null> {
  if (into.length <= READ_AT_ONCE) return attempt(() => file.readSync(into));
  return await attempted(file.read(into));
}
