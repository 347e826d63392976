import type { Frame } from "../protocol/frame_decoder.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import type { FrameOutput } from "./frame_output.ts";
import { type Answer, encodeAnswers } from "./protocol/answer.ts";
import { FileFrame, WINDOW } from "./protocol/file_frame.ts";
import {
  decodeBegin,
  decodeEnd,
  decodeFailure,
  decodeNote,
  decodeSkip,
  encodeNote,
  type FileBegin,
} from "./protocol/file_messages.ts";
import { decodeEntries, type FileEntry, type TreeEntry } from "./protocol/tree_entry.ts";
import { TransferFailure } from "./transfer_failure.ts";
import type { TransferObserver } from "./tree_sender.ts";
import type { PartFile } from "./tree/part_file.ts";
import type { TargetTree } from "./tree/target_tree.ts";
import { TreeError } from "./tree/tree_error.ts";

/** Beginnings that are held open until their rest comes; an interrupted transfer leaves one. */
const MAX_HELD_PARTS = 16;

/** A file whose contents were asked for. */
interface WantedFile {
  readonly entry: FileEntry;
  /** Its beginning, from an earlier transfer. */
  readonly part: PartFile | undefined;
}

/** The file whose contents are arriving; without a part it has failed, and they go nowhere. */
interface CurrentFile {
  readonly entry: FileEntry;
  readonly begin: FileBegin;
  part: PartFile | undefined;
}

/**
 * Receives a tree, frame by frame. What fails for one file is told to the sender's user, and the
 * others go on.
 *
 * ```
 *   entries ──▶ wanted ──▶ begin ──▶ current ──▶ data … ──▶ end: stored
 *      └─▶ same: had          └────────▶ failed ──▶ data … ──▶ end, skip: nothing
 * ```
 */
export class TreeReceiver {
  readonly #tree: TargetTree;
  readonly #output: FrameOutput;
  readonly #observer: TransferObserver;
  readonly #wanted = new Map<number, WantedFile>();
  #heldParts = 0;
  #entries = 0;
  #current: CurrentFile | undefined;

  constructor(tree: TargetTree, output: FrameOutput, observer: TransferObserver) {
    this.#tree = tree;
    this.#output = output;
    this.#observer = observer;
  }

  /**
   * Receives until everything is stored.
   *
   * @param frames of the sender
   * @throws {TransferFailure} when there is no place for the tree, or the sender cannot go on
   * @throws {ProtocolError} when the sender breaks the protocol
   */
  async run(frames: AsyncIterable<Frame<FileFrame>>): Promise<void> {
    try {
      for await (const frame of frames) {
        if (await this.#take(frame)) return;
      }
      throw new TransferFailure("it left without a word", "peer");
    } finally {
      this.#current?.part?.keep();
      for (const { part } of this.#wanted.values()) part?.close();
    }
  }

  /** Takes a frame; whether it was the last one. */
  async #take({ type, payload }: Frame<FileFrame>): Promise<boolean> {
    const { tally } = this.#observer;
    switch (type) {
      case FileFrame.data:
        await this.#store(payload);
        return false;
      case FileFrame.entries:
        await this.#answer(decodeEntries(payload));
        return false;
      case FileFrame.entriesEnd:
        tally.isComplete = true;
        return false;
      case FileFrame.begin:
        await this.#begin(decodeBegin(payload));
        return false;
      case FileFrame.end:
        await this.#end(decodeEnd(payload));
        return false;
      case FileFrame.skip:
        this.#skip(decodeSkip(payload));
        return false;
      case FileFrame.note:
        this.#observer.note(decodeNote(payload));
        return false;
      case FileFrame.failure:
        throw new TransferFailure(decodeFailure(payload), "peer");
      case FileFrame.finished:
        await this.#finish();
        return true;
      default:
        throw new ProtocolError("frame-type", `a frame of type ${type} is not a sender's`);
    }
  }

  async #answer(entries: readonly TreeEntry[]): Promise<void> {
    const answers: Answer[] = [];
    for (const entry of entries) {
      const index = this.#entries++;
      if (entry.kind === "file") this.#observer.tally.announce(entry.size);
      try {
        const answer = await this.#consider(index, entry);
        if (answer !== undefined) answers.push(answer);
      } catch (error) {
        if (!(error instanceof TreeError)) throw error;
        if (entry.path === "") throw new TransferFailure(error.message, "own", { cause: error });
        await this.#fail(entry.path, error);
        if (entry.kind === "file") {
          this.#observer.tally.settle(entry.size, false);
          answers.push({ index, kind: "failed" });
        }
      }
    }
    if (answers.length > 0) await this.#output.add(FileFrame.answers, encodeAnswers(answers));
    await this.#output.flush();
  }

  async #consider(index: number, entry: TreeEntry): Promise<Answer | undefined> {
    switch (entry.kind) {
      case "directory":
        this.#tree.directory(entry);
        return undefined;
      case "link":
        this.#tree.link(entry);
        return undefined;
      case "file":
        return await this.#considerFile(index, entry);
    }
  }

  async #considerFile(index: number, entry: FileEntry): Promise<Answer> {
    // Before anything is opened that nobody would close.
    if (this.#wanted.size >= WINDOW) {
      throw new ProtocolError("message", `more than ${WINDOW} files at once`);
    }
    const found = await this.#tree.find(entry);
    if (found === "same" || entry.size === 0) {
      if (found !== "same") this.#tree.createEmpty(entry);
      this.#observer.tally.settle(entry.size, found !== "same");
      return { index, kind: "have" };
    }
    const part = found === "nothing" ? undefined : found.part;
    if (part === undefined || this.#heldParts >= MAX_HELD_PARTS) {
      part?.close();
      this.#wanted.set(index, { entry, part: undefined });
      return { index, kind: "want" };
    }
    this.#heldParts++;
    this.#wanted.set(index, { entry, part });
    return { index, kind: "resume", offset: part.size, sha256: part.sha256 };
  }

  async #begin(begin: FileBegin): Promise<void> {
    const { entry, part: former } = this.#unwant(begin.index);
    if (this.#current !== undefined) {
      former?.close();
      throw new ProtocolError("message", "a file within a file");
    }
    if (begin.offset !== 0 && begin.offset !== former?.size) {
      former?.close();
      throw new ProtocolError("message", "a file begins behind what is there of it");
    }
    this.#observer.tally.begin(entry.path, begin.offset);
    this.#current = { entry, begin, part: former };
    await this.#attempt(() => {
      if (this.#current!.part === undefined) {
        this.#current!.part = this.#tree.create(entry.path);
      } else if (begin.offset === 0) former!.restart();
    });
  }

  async #store(bytes: Uint8Array): Promise<void> {
    const current = this.#current;
    if (current === undefined) throw new ProtocolError("message", "bytes of no file");
    const { part, begin } = current;
    if (part === undefined) return;
    if (part.size + bytes.length > begin.size) {
      throw new ProtocolError("message", "a file is longer than it said");
    }
    await this.#attempt(() => part.write(bytes));
    this.#observer.tally.carry(bytes.length);
  }

  async #end(sha256: string): Promise<void> {
    const current = this.#current;
    if (current === undefined) throw new ProtocolError("message", "the end of no file");
    const { entry, begin, part } = current;
    let isStored = false;
    await this.#attempt(() => {
      if (part === undefined) return;
      // Whatever comes of it, it is let go of.
      current.part = undefined;
      part.complete({ sha256, mode: entry.mode, modifiedMs: begin.modifiedMs });
      isStored = true;
    });
    this.#current = undefined;
    this.#observer.tally.settle(entry.size, isStored);
  }

  #skip(index: number): void {
    const isCurrent = this.#current?.begin.index === index;
    const { entry, part } = isCurrent ? this.#current! : this.#unwant(index);
    part?.keep();
    if (isCurrent) this.#current = undefined;
    this.#observer.tally.settle(entry.size, false);
  }

  async #finish(): Promise<void> {
    if (this.#wanted.size > 0 || this.#current !== undefined) {
      throw new ProtocolError("message", "finished before everything was sent");
    }
    const failures: { path: string; error: TreeError }[] = [];
    this.#tree.finish((path, error) => failures.push({ path, error }));
    for (const { path, error } of failures) await this.#fail(path, error);
    await this.#output.add(FileFrame.done, new TextEncoder().encode("{}"));
    await this.#output.drain();
  }

  #unwant(index: number): WantedFile {
    const wanted = this.#wanted.get(index);
    if (wanted === undefined) throw new ProtocolError("message", "a file that was not asked for");
    this.#wanted.delete(index);
    if (wanted.part !== undefined) this.#heldParts--;
    return wanted;
  }

  /** Does something for the current file; where that fails, the file has failed. */
  async #attempt(work: () => void | Promise<void>): Promise<void> {
    const current = this.#current!;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof TreeError)) throw error;
      current.part?.keep();
      current.part = undefined;
      await this.#fail(current.entry.path, error);
      const failed = { index: current.begin.index, kind: "failed" } as const;
      await this.#output.add(FileFrame.answers, encodeAnswers([failed]));
      await this.#output.flush();
    }
  }

  async #fail(path: string, error: TreeError): Promise<void> {
    const note = { path, reason: error.message, isFailure: true };
    this.#observer.note(note);
    await this.#output.add(FileFrame.note, encodeNote(note));
  }
}
