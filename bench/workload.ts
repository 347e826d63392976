/**
 * The workload that every peer runs, over any byte stream. A connection begins with one command:
 * `E`: echo what follows; `B` and a 64-bit length: swallow as many bytes, then answer one byte.
 */

/** A byte stream, as `Deno.Conn` and dhtnet's channels have it. */
export interface Stream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What one client measured. */
export interface Figures {
  /** Dial to first echoed byte, one per connection, ms. */
  setupMs: number[];
  /** Round trip of 64 bytes on an open connection, µs. */
  echoUs: number[];
  /** One-way bulk, 10⁶ bytes per second. */
  bulkMBps: number;
  /** Resident memory of the client after the bulk transfer, MiB. */
  rssMB: number;
}

/** How much to measure. */
export interface Amounts {
  bulkBytes: number;
  warmDials: number;
  echoes: number;
}

const ECHO = 0x45;
const BULK = 0x42;
const CHUNK = 256 * 1024;

/** Serves one connection. */
export async function serve(stream: Stream): Promise<void> {
  const buffer = new Uint8Array(CHUNK);
  try {
    let length = await stream.read(buffer);
    if (length === null) return;
    let start = 1;
    if (buffer[0] === BULK) {
      let left = await swallowHeader(stream, buffer, length);
      while (left > 0) left -= await readSome(stream, buffer);
      await stream.write(Uint8Array.of(1));
      return;
    }
    while (length !== null) {
      if (length > start) await writeAll(stream, buffer.subarray(start, length));
      start = 0;
      length = await stream.read(buffer);
    }
  } catch {
    // the client ends its connections abruptly
  } finally {
    stream.close();
  }
}

async function swallowHeader(stream: Stream, buffer: Uint8Array, length: number): Promise<number> {
  while (length < 9) length += await readSome(stream, buffer.subarray(length));
  return Number(new DataView(buffer.buffer).getBigUint64(1)) - (length - 9);
}

/** Reads what there is; an end is none that the workload has. */
export async function readSome(stream: Pick<Stream, "read">, into: Uint8Array): Promise<number> {
  const length = await stream.read(into);
  if (length === null) throw new Error("the stream ended early");
  return length;
}

async function writeAll(stream: Stream, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
}

/** Dials and waits for one echoed byte. */
export async function openEcho(dial: () => Promise<Stream>): Promise<Stream> {
  const stream = await dial();
  await writeAll(stream, Uint8Array.of(ECHO, 1));
  await readSome(stream, new Uint8Array(1));
  return stream;
}

/** Runs the whole workload as a client. `hangUp` ends a connection so that the next is a new one. */
export async function measure(
  dial: () => Promise<Stream>,
  hangUp: (stream: Stream) => Promise<void> | void,
  { bulkBytes, warmDials, echoes }: Amounts,
): Promise<Figures> {
  const setupMs: number[] = [];
  for (let i = 0; i < warmDials; i++) {
    const start = performance.now();
    const stream = await openEcho(dial);
    setupMs.push(performance.now() - start);
    await hangUp(stream);
  }
  const echo = await openEcho(dial);
  const echoUs: number[] = [];
  const message = new Uint8Array(64).fill(1), answer = new Uint8Array(64);
  for (let i = 0; i < echoes; i++) {
    const start = performance.now();
    await writeAll(echo, message);
    for (let got = 0; got < 64;) got += await readSome(echo, answer);
    echoUs.push((performance.now() - start) * 1000);
  }
  await hangUp(echo);
  const bulk = await dial();
  const header = new Uint8Array(9);
  header[0] = BULK;
  new DataView(header.buffer).setBigUint64(1, BigInt(bulkBytes));
  const chunk = new Uint8Array(CHUNK).fill(7);
  const start = performance.now();
  await writeAll(bulk, header);
  for (let sent = 0; sent < bulkBytes; sent += chunk.length) await writeAll(bulk, chunk);
  await readSome(bulk, answer);
  const seconds = (performance.now() - start) / 1000;
  await hangUp(bulk);
  return {
    setupMs,
    echoUs,
    bulkMBps: bulkBytes / 1e6 / seconds,
    rssMB: Deno.memoryUsage().rss / 2 ** 20,
  };
}
