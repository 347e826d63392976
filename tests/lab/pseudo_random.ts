import { createCipheriv, createHash } from "node:crypto";

const CHUNK_BYTES = 256 * 1024;

/** How many bytes went past, and their SHA-256. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Pseudo-random bytes: AES-128-CTR of zeros, another sequence for each seed; made as they are taken. */
export function* pseudoRandom(length: number, seed: number): Generator<Uint8Array<ArrayBuffer>> {
  const key = createHash("sha256").update(String(seed)).digest().subarray(0, 16);
  const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16));
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (let left = length; left > 0; left -= CHUNK_BYTES) {
    yield new Uint8Array(cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES))));
  }
}

/** Writes pseudo-random bytes into a stream and closes it. */
export async function sendPseudoRandom(
  into: WritableStream<Uint8Array<ArrayBuffer>>,
  length: number,
  seed: number,
): Promise<Digest> {
  const hash = createHash("sha256");
  const writer = into.getWriter();
  for (const chunk of pseudoRandom(length, seed)) {
    hash.update(chunk);
    await writer.write(chunk);
  }
  await writer.close();
  return { bytes: length, sha256: hash.digest("hex") };
}

/** Reads a stream to its end. */
export async function digestOf(from: ReadableStream<Uint8Array>): Promise<Digest> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of from) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
