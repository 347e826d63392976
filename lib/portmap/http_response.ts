import { concatBytes } from "@noble/hashes/utils.js";
import { PortmapDecodeError } from "./error.ts";

/** The longest answer, head and body, that we take from a router, in bytes. */
export const MAX_HTTP_RESPONSE_BYTES = 128 * 1024;
/** The longest head, in bytes. */
export const MAX_HTTP_HEAD_BYTES = 16 * 1024;

/** Interim answers that may come first; each is read anew whenever more has arrived. */
const MAX_INTERIM_RESPONSES = 8;
/** The longest line before a chunk, in bytes; extensions are not of use here. */
const MAX_CHUNK_LINE_LENGTH = 256;

/** A whole answer. */
export interface HttpResponse {
  /** 200 to 599; interim answers are left out. */
  readonly status: number;
  /** Decoded as UTF-8, invalid bytes replaced. */
  readonly body: string;
}

/**
 * Decodes what a router has answered so far to one HTTP/1.1 request with `Connection: close`: a
 * body with length, in chunks, or until the end of the stream (RFC 9112 §6.3).
 *
 * @param bytes all that has arrived
 * @param atEnd whether the router has ended the stream
 * @returns undefined while the answer is not whole
 * @throws {PortmapDecodeError} `too-large`, `not-this-protocol`, `bad-field`, or `truncated` when
 * the stream ended early
 */
export function decodeHttpResponse(bytes: Uint8Array, atEnd: boolean): HttpResponse | undefined {
  if (bytes.length > MAX_HTTP_RESPONSE_BYTES) {
    throw new PortmapDecodeError("too-large", MAX_HTTP_RESPONSE_BYTES, "a response too long");
  }
  let from = 0;
  for (let interim = 0; interim <= MAX_INTERIM_RESPONSES; interim++) {
    const head = readHead(bytes, from);
    if (head === undefined) return incomplete(bytes, atEnd);
    if (head.status >= 200) {
      const body = readBody(bytes.subarray(head.end), head.headers, atEnd);
      if (body === undefined) return incomplete(bytes, atEnd);
      return { status: head.status, body: new TextDecoder().decode(body) };
    }
    from = head.end; // 100 Continue
  }
  throw new PortmapDecodeError("too-large", from, "too many interim responses");
}

function incomplete(bytes: Uint8Array, atEnd: boolean): undefined {
  if (atEnd) throw new PortmapDecodeError("truncated", bytes.length, "the response ended early");
  return undefined;
}

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Where the body begins. */
  readonly end: number;
}

function readHead(bytes: Uint8Array, from: number): Head | undefined {
  const window = bytes.subarray(from, from + MAX_HTTP_HEAD_BYTES);
  const text = new TextDecoder("latin1").decode(window);
  const end = /\r?\n\r?\n/.exec(text);
  if (!"HTTP/1.".startsWith(text.slice(0, 7))) {
    throw new PortmapDecodeError("not-this-protocol", from, "not HTTP/1");
  }
  if (end === null) {
    if (window.length < MAX_HTTP_HEAD_BYTES) return undefined;
    throw new PortmapDecodeError("too-large", from, "a head too long");
  }
  const [start, ...lines] = text.slice(0, end.index).split(/\r?\n/);
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)( |$)/.exec(start!)?.[1];
  if (status === undefined) throw new PortmapDecodeError("bad-field", from, "a bad status line");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, Math.max(0, colon)).trim().toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(status), headers, end: from + end.index + end[0].length };
}

function readBody(
  bytes: Uint8Array,
  headers: ReadonlyMap<string, string>,
  atEnd: boolean,
): Uint8Array | undefined {
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return readChunks(bytes);
  const length = headers.get("content-length");
  if (length === undefined) return atEnd ? bytes : undefined;
  if (!/^\d{1,9}$/.test(length)) throw new PortmapDecodeError("bad-field", 0, "a bad length");
  if (Number(length) > MAX_HTTP_RESPONSE_BYTES) {
    throw new PortmapDecodeError("too-large", 0, `${length} bytes`);
  }
  return bytes.length < Number(length) ? undefined : bytes.subarray(0, Number(length));
}

/** RFC 9112 §7.1; trailers are ignored. */
function readChunks(bytes: Uint8Array): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  const text = new TextDecoder("latin1").decode(bytes);
  for (let at = 0;;) {
    const line = text.slice(at, at + MAX_CHUNK_LINE_LENGTH), lineEnd = line.indexOf("\n");
    if (lineEnd === -1) {
      if (line.length < MAX_CHUNK_LINE_LENGTH) return undefined;
      throw new PortmapDecodeError("bad-field", at, "a chunk line too long");
    }
    const size = /^([\da-fA-F]{1,6})[ \t\r]*(?:;|$)/.exec(line.slice(0, lineEnd))?.[1];
    if (size === undefined) throw new PortmapDecodeError("bad-field", at, "a bad chunk size");
    const length = parseInt(size, 16), from = at + lineEnd + 1;
    if (length === 0) return concatBytes(...chunks);
    if (from + length + 2 > bytes.length) return undefined;
    chunks.push(bytes.subarray(from, from + length));
    const end = /\r?\n/y;
    end.lastIndex = from + length;
    if (end.exec(text) === null) {
      throw new PortmapDecodeError("bad-field", from + length, "a chunk without end");
    }
    at = end.lastIndex;
  }
}
