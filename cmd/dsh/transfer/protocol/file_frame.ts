/** Name of a channel that carries one transfer of files. */
export const FILES_CHANNEL = "dsh+files://transfer";

/**
 * What travels in a channel {@linkcode FILES_CHANNEL}: frames with the header of `dsh` sessions, all
 * JSON but `data`. The sender is the client of a put, the server of a get.
 *
 * ```
 *   client                                  server
 *     │── request ─────────────────────────────▶│
 *     │◀──────────────────────────── ready ─────│  or `failure`, as at any time later
 *
 *   sender                                receiver
 *     │── entries … ───────────────────────────▶│  what there is, up to WINDOW files ahead
 *     │◀──────────────────────────── answers ───│  what of it is wanted, and from where on
 *     │── begin, data …, end ──────────────────▶│  a file; `end` has the hash of the whole
 *     │── begin, data …, skip ─────────────────▶│  a file that could not be read to its end
 *     │── entriesEnd ──────────────────────────▶│  there is no more
 *     │── note ───────────────────▶ ◀─── note ──│  what is left out, or failed, and why
 *     │── finished ────────────────────────────▶│
 *     │◀──────────────────────────────── done ──│
 * ```
 *
 * No file waits for a round trip: entries run ahead of the answers, and contents follow in the order
 * of the answers. The channel paces it all; the sender takes answers while it sends.
 */
export const FileFrame = {
  /** Client: what is to be copied. */
  request: 0x20,
  /** Server: so be it. */
  ready: 0x21,
  /** The last frame of a transfer that cannot go on. */
  failure: 0x22,
  /** Sender: a part of the tree. */
  entries: 0x23,
  /** Sender: the tree is complete. */
  entriesEnd: 0x24,
  /** Sender: the contents of a file follow. */
  begin: 0x25,
  /** Sender: bytes of that file. */
  data: 0x26,
  /** Sender: that was all of it. */
  end: 0x27,
  /** Sender: a wanted file is not to be had, or not to its end. */
  skip: 0x28,
  /** Something for the user: a path and what about it. */
  note: 0x29,
  /** Sender: that was all. */
  finished: 0x2a,
  /** Receiver: which files are wanted. */
  answers: 0x2b,
  /** Receiver: all that was sent is stored. */
  done: 0x2c,
} as const;

/** One of {@linkcode FileFrame}. */
export type FileFrame = typeof FileFrame[keyof typeof FileFrame];

/** Most files that may be announced and neither refused, had already, nor sent. */
export const WINDOW = 4096;
/** Longest payload of a `data` frame, bytes. */
export const MAX_DATA_BYTES = 256 * 1024;

/** Whether frames of a type carry a file's bytes: then they may be taken in parts. */
export function isData(type: number): boolean {
  return type === FileFrame.data;
}
