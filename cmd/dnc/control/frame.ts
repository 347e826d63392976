/**
 * What two `dnc` say to each other over a control socket: frames of a type (8 bits), a length (24
 * bits) and so many bytes.
 *
 * ```
 *  client                                master
 *    │ request {version, id, name} ────▶   │  a socket for each channel
 *    │ ◀──────── connected {path} or failed │  there is a session, and a channel
 *    │ ◀─────────────────────────── opened  │  the peer has accepted it
 *    │ ◀──────── data … end ────────▶       │  both ways, at the pace of the socket
 *    │ close ──────────────────────────▶    │  both directions end in order
 *    │ ◀──────────────────── over or failed │
 * ```
 *
 * A client that goes without `close` before `over` has aborted its channel.
 *
 * @module
 */
import type { ByteSink, ByteSource } from "../../peer/peer_channel.ts";
import { readFull, writeAll } from "../all_bytes.ts";

/** What a frame is. */
export const FrameType = {
  request: 1,
  connected: 2,
  opened: 3,
  data: 4,
  end: 5,
  close: 6,
  over: 7,
  failed: 8,
} as const;

/** Bytes before what a frame carries. */
export const HEADER_BYTES = 4;
/** Most bytes of data in one frame. */
export const MAX_DATA_BYTES = 256 * 1024;
/** Most bytes of a message in JSON. */
const MAX_MESSAGE_BYTES = 8 * 1024;

/** The other side does not keep to the form, or has gone within a frame. */
export class ControlProtocolError extends Error {
  override readonly name = "ControlProtocolError";
}

/** The beginning of a frame. */
export interface FrameHeader {
  readonly type: number;
  /** Bytes that follow. */
  readonly length: number;
}

/** Writes the header of a frame at the beginning of a buffer. */
export function putHeader(buffer: Uint8Array, type: number, length: number): void {
  new DataView(buffer.buffer, buffer.byteOffset).setUint32(0, type << 24 | length);
}

/**
 * Reads the header of the next frame.
 *
 * @returns null when the other side has gone
 * @throws {ControlProtocolError} when the length is beyond the type's bound
 */
export async function readHeader(source: ByteSource): Promise<FrameHeader | null> {
  const bytes = new Uint8Array(HEADER_BYTES);
  if (!await readFull(source, bytes)) return null;
  const word = new DataView(bytes.buffer).getUint32(0);
  const header = { type: word >>> 24, length: word & 0xff_ffff };
  const bound = header.type === FrameType.data ? MAX_DATA_BYTES : MAX_MESSAGE_BYTES;
  if (header.length > bound) throw new ControlProtocolError("a frame is too long");
  return header;
}

/** Sends a frame with a message, or an empty one. */
export async function writeMessage(
  sink: ByteSink,
  type: number,
  message?: unknown,
): Promise<void> {
  const text = message === undefined ? "" : JSON.stringify(message);
  const body = new TextEncoder().encode(text);
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  putHeader(frame, type, body.length);
  frame.set(body, HEADER_BYTES);
  await writeAll(sink, frame);
}

/**
 * Reads the message of a frame whose header is read.
 *
 * @throws {ControlProtocolError} when it is no JSON object
 */
export async function readMessage(
  source: ByteSource,
  { length }: FrameHeader,
): Promise<Record<string, unknown>> {
  const body = new Uint8Array(length);
  if (!await readFull(source, body)) throw new ControlProtocolError("the other side has gone");
  let message: unknown;
  try {
    message = length === 0 ? {} : JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw new ControlProtocolError("a message is no JSON", { cause });
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new ControlProtocolError("a message is no object");
  }
  return message as Record<string, unknown>;
}
