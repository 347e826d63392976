import { Buffer } from "node:buffer";
import type { Pipe } from "../../lib/net/mod.ts";

/** Everything up to the peer's end of stream. */
export async function readAll(pipe: Pipe): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const into = new Uint8Array(65_536);
  for (;;) {
    const count = await pipe.read(into);
    if (count === null) return new Uint8Array(Buffer.concat(chunks));
    chunks.push(into.slice(0, count));
  }
}
