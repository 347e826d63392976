import { MAX_SEALED_BYTES } from "./body.ts";
import { SignallingError } from "./signalling_error.ts";

/** Bytes of the length before a sealed message, big-endian. */
const LENGTH_BYTES = 2;

/** The part of a connection that frames need. */
export interface ByteStream {
  /** Some bytes, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Some of the bytes. */
  write(bytes: Uint8Array): Promise<number>;
}

/** One sealed message with its length before it. */
export function encodeFrame(sealed: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(LENGTH_BYTES + sealed.length);
  new DataView(frame.buffer).setUint16(0, sealed.length);
  frame.set(sealed, LENGTH_BYTES);
  return frame;
}

/** Writes one sealed message with its length before it. */
export async function writeFrame(stream: ByteStream, sealed: Uint8Array): Promise<void> {
  const frame = encodeFrame(sealed);
  for (let at = 0; at < frame.length;) at += await stream.write(frame.subarray(at));
}

/**
 * Reads one sealed message.
 *
 * @throws {SignallingError} `oversize`; `unreachable` when the stream ends before the message does
 */
export async function readFrame(stream: Pick<ByteStream, "read">): Promise<Uint8Array> {
  const head = await readExactly(stream, LENGTH_BYTES);
  const length = new DataView(head.buffer).getUint16(0);
  if (length > MAX_SEALED_BYTES) {
    throw new SignallingError("oversize", `${length} bytes, at most ${MAX_SEALED_BYTES}`);
  }
  return await readExactly(stream, length);
}

/**
 * Reads so many bytes, and no more.
 *
 * @throws {SignallingError} `unreachable` when the stream ends before that
 */
export async function readExactly(
  stream: Pick<ByteStream, "read">,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) {
      throw new SignallingError("unreachable", "the connection ended before the message did");
    }
    at += count;
  }
  return bytes;
}
