import { encodeObject, parseObject } from "../../protocol/json_message.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { isCount, isSha256 } from "./count.ts";

/** Longest text for people, characters. */
const MAX_REASON_CHARACTERS = 1024;
/** Longest path in a note, characters. */
const MAX_PATH_CHARACTERS = 4096;

/** What a sender says before the bytes of a file. */
export interface FileBegin {
  /** Which of the entries, counted from 0. */
  readonly index: number;
  /** Where the bytes begin: what stands before is the receiver's. */
  readonly offset: number;
  /** Bytes of the whole file, as it is now. */
  readonly size: number;
  /** When it was last modified, ms since 1970. */
  readonly modifiedMs: number;
}

/** Something about a path, for the user. */
export interface Note {
  /** In the tree; empty for all of it. */
  readonly path: string;
  /** One sentence. */
  readonly reason: string;
  /** Whether it should have been copied, and is not. */
  readonly isFailure: boolean;
}

/** Payload of `begin`. */
export function encodeBegin(begin: FileBegin): Uint8Array {
  return encodeObject(begin);
}

/** @throws {ProtocolError} `message` */
export function decodeBegin(payload: Uint8Array): FileBegin {
  const { index, offset, size, modifiedMs } = parseObject(payload);
  const isTime = typeof modifiedMs === "number" && Number.isSafeInteger(modifiedMs);
  if (isCount(index) && isCount(offset) && isCount(size) && offset <= size && isTime) {
    return { index, offset, size, modifiedMs };
  }
  throw new ProtocolError("message", "a file begins without its size");
}

/** Payload of `end`: the SHA-256 of the whole file, in hex. */
export function encodeEnd(sha256: string): Uint8Array {
  return encodeObject({ sha256 });
}

/** @throws {ProtocolError} `message` */
export function decodeEnd(payload: Uint8Array): string {
  const { sha256 } = parseObject(payload);
  if (isSha256(sha256)) return sha256;
  throw new ProtocolError("message", "a file ends without its hash");
}

/** Payload of `skip`: which of the entries. */
export function encodeSkip(index: number): Uint8Array {
  return encodeObject({ index });
}

/** @throws {ProtocolError} `message` */
export function decodeSkip(payload: Uint8Array): number {
  const { index } = parseObject(payload);
  if (isCount(index)) return index;
  throw new ProtocolError("message", "nothing is skipped");
}

/** Payload of `note`; of a path that is too long to be anybody's, its beginning. */
export function encodeNote({ path, reason, isFailure }: Note): Uint8Array {
  const shown = path.length <= MAX_PATH_CHARACTERS
    ? path
    : `${path.slice(0, MAX_PATH_CHARACTERS - 1)}…`;
  return encodeObject({
    path: shown,
    reason: reason.slice(0, MAX_REASON_CHARACTERS),
    isFailure,
  });
}

/** @throws {ProtocolError} `message` */
export function decodeNote(payload: Uint8Array): Note {
  const { path, reason, isFailure } = parseObject(payload);
  const isPath = typeof path === "string" && path.length <= MAX_PATH_CHARACTERS;
  if (isPath && typeof reason === "string" && typeof isFailure === "boolean") {
    return { path, reason: reason.slice(0, MAX_REASON_CHARACTERS), isFailure };
  }
  throw new ProtocolError("message", "a note says nothing");
}

/** Payload of `failure`: one sentence for people. */
export function encodeFailure(reason: string): Uint8Array {
  return encodeObject({ reason: reason.slice(0, MAX_REASON_CHARACTERS) });
}

/** @throws {ProtocolError} `message` */
export function decodeFailure(payload: Uint8Array): string {
  const { reason } = parseObject(payload);
  if (typeof reason === "string") return reason.slice(0, MAX_REASON_CHARACTERS);
  throw new ProtocolError("message", "a failure has no reason");
}
