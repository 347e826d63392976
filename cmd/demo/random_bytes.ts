import { createHash } from "node:crypto";

/** Bytes that are written at once. */
const CHUNK_BYTES = 256 * 1024;
/** Most that `getRandomValues` fills at once, in bytes. */
const RANDOM_BYTES = 65_536;

/** Random bytes that are made as they are sent, and their digest. */
export class RandomBytes {
  readonly #hash = createHash("sha256");
  readonly #length: number;
  #digest = "";

  /** @param length how many bytes; a multiple of 65,536 */
  constructor(length: number) {
    this.#length = length;
  }

  /** SHA-256 in hexadecimal; complete once all chunks have been taken. */
  get digest(): string {
    return this.#digest;
  }

  /** The bytes, piece by piece. */
  *chunks(): Generator<Uint8Array<ArrayBuffer>> {
    for (let left = this.#length; left > 0; left -= CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(left, CHUNK_BYTES));
      for (let at = 0; at < chunk.length; at += RANDOM_BYTES) {
        crypto.getRandomValues(chunk.subarray(at, at + RANDOM_BYTES));
      }
      this.#hash.update(chunk);
      yield chunk;
    }
    this.#digest = this.#hash.digest("hex");
  }
}

/** Writes all bytes into a stream and closes it. */
export async function send(
  bytes: RandomBytes,
  into: WritableStream<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const writer = into.getWriter();
  for (const chunk of bytes.chunks()) await writer.write(chunk);
  await writer.close();
}

/** Reads a stream to its end: how many bytes, and their SHA-256 in hexadecimal. */
export async function receive(
  from: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<{ bytes: number; digest: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of from) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, digest: hash.digest("hex") };
}
