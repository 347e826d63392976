import { parseObject } from "../../protocol/json_message.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { isCount } from "./count.ts";
import { namesOf, staysInside } from "./relative_path.ts";

/** Most entries in a message. */
export const MAX_ENTRIES = 512;
/** Permissions that travel: none of set-user-id, set-group-id, sticky. */
export const PERMISSIONS = 0o777;
/** Latest and, negative, earliest time, ms (ECMA-262 §21.4.1.1). */
const MAX_TIME_MS = 8.64e15;

/** What all things in a tree have. */
interface Common {
  /** Where it is: names with `/` between them; empty for the tree itself. */
  readonly path: string;
  /** When it was last modified, ms since 1970. */
  readonly modifiedMs: number;
}

/** A file. */
export interface FileEntry extends Common {
  readonly kind: "file";
  /** Permissions. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
}

/** A directory. */
export interface DirectoryEntry extends Common {
  readonly kind: "directory";
  /** Permissions. */
  readonly mode: number;
}

/** A symbolic link that leads to something in the same tree. */
export interface LinkEntry extends Common {
  readonly kind: "link";
  readonly target: string;
}

/** One thing in a tree that is copied. */
export type TreeEntry = FileEntry | DirectoryEntry | LinkEntry;

/** An entry as it stands in the message. */
export function formatEntry(entry: TreeEntry): string {
  const { path, modifiedMs } = entry;
  switch (entry.kind) {
    case "file":
      return JSON.stringify(["f", path, modifiedMs, entry.mode, entry.size]);
    case "directory":
      return JSON.stringify(["d", path, modifiedMs, entry.mode]);
    case "link":
      return JSON.stringify(["l", path, modifiedMs, entry.target]);
  }
}

/** Payload of `entries`. */
export function encodeEntries(formatted: readonly string[]): Uint8Array {
  return new TextEncoder().encode(`{"entries":[${formatted.join()}]}`);
}

/**
 * Reads `entries`.
 *
 * @throws {ProtocolError} `message`, whatever the bytes
 */
export function decodeEntries(payload: Uint8Array): TreeEntry[] {
  const { entries } = parseObject(payload);
  if (!Array.isArray(entries) || entries.length > MAX_ENTRIES) {
    throw wrong(`entries are no list of at most ${MAX_ENTRIES}`);
  }
  return entries.map(decodeEntry);
}

function decodeEntry(entry: unknown): TreeEntry {
  const [kind, path, modifiedMs, first, size] = Array.isArray(entry) ? entry : [];
  const names = typeof path === "string" ? namesOf(path) : undefined;
  if (names === undefined) throw wrong("an entry has no proper path");
  if (!Number.isInteger(modifiedMs) || Math.abs(modifiedMs) > MAX_TIME_MS) {
    throw wrong("an entry has no time");
  }
  if (kind === "l") {
    const isInside = typeof first === "string" && staysInside(first, names.length - 1);
    if (names.length === 0 || !isInside) throw wrong("a link leads out of its tree");
    return { kind: "link", path, modifiedMs, target: first };
  }
  if (!isCount(first) || first > PERMISSIONS) throw wrong("an entry has no permissions");
  if (kind === "d") return { kind: "directory", path, modifiedMs, mode: first };
  if (kind !== "f" || !isCount(size)) throw wrong("an entry is nothing that is known here");
  return { kind: "file", path, modifiedMs, mode: first, size };
}

function wrong(message: string): ProtocolError {
  return new ProtocolError("message", message);
}
