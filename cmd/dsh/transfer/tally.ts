/** What there is to do in a transfer, and what of it is done. */
export class Tally {
  /** Files that are known of. */
  files = 0;
  /** Their bytes. */
  bytes = 0;
  /** Whether all of them are known. */
  isComplete = false;
  /** Files that are through, whatever came of them. */
  filesDone = 0;
  /** Files that were carried and stored. */
  filesCarried = 0;
  /** Bytes of files that the channel carried. */
  bytesCarried = 0;
  /** What could have been copied, and was not. */
  failures = 0;
  /** Path of the file that is being carried; empty for the tree itself. */
  current = "";
  #bytesDone = 0;
  #currentBytes = 0;

  /** Bytes that are through: carried, there already, or given up. */
  get bytesDone(): number {
    return this.#bytesDone + this.#currentBytes;
  }

  /** There is one more file. */
  announce(size: number): void {
    this.files++;
    this.bytes += size;
  }

  /** A file is being carried. */
  begin(path: string, offset: number): void {
    this.current = path;
    this.#currentBytes = offset;
  }

  /** Bytes of it were carried. */
  carry(bytes: number): void {
    this.#currentBytes += bytes;
    this.bytesCarried += bytes;
  }

  /** A file is through, of the size that was announced. */
  settle(size: number, isCarried: boolean): void {
    this.#bytesDone += size;
    this.#currentBytes = 0;
    this.filesDone++;
    if (isCarried) this.filesCarried++;
  }
}
