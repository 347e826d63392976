import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { PipeDatagrams } from "./pipe.ts";
import { QuicDatagrams } from "./quic_datagrams.ts";
import { withoutZone } from "./zone.ts";

/** What one read asks of the transport at most: measured fastest from 256 KiB on. */
const MAX_READ_BYTES = 262_144;

/**
 * A {@linkcode ByteStream} on one bidirectional stream of a QUIC connection, which belongs to it,
 * and its endpoint too unless that has other connections.
 *
 * A QUIC close discards what the peer has not read, on both sides. So each side tells by a
 * unidirectional stream that it has read everything, and lets go when the other has told so.
 */
export class QuicStream implements ByteStream {
  readonly kind = "quic";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly datagrams: PipeDatagrams;
  readonly #conn: Deno.QuicConn;
  // the connection would end if the endpoint were garbage-collected
  readonly #endpoint: Deno.QuicEndpoint;
  readonly #endpointIsShared: boolean;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #gone: Promise<unknown>;
  #buffer = new ArrayBuffer(0);
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    local: SocketAddress,
    endpoint: Deno.QuicEndpoint,
    conn: Deno.QuicConn,
    reader: ReadableStreamBYOBReader,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    endpointIsShared: boolean = false,
  ) {
    this.local = local;
    this.remote = quicRemote(conn);
    this.datagrams = new QuicDatagrams(conn);
    this.#conn = conn;
    this.#endpoint = endpoint;
    this.#endpointIsShared = endpointIsShared;
    this.#reader = reader;
    this.#writer = writer;
    this.#gone = conn.closed.catch(() => {});
    writer.closed.catch(() => {});
    reader.closed.catch(() => {});
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (into.length === 0) return 0;
    if (this.#rest.length === 0) {
      // As large as the caller's: who waits for little holds little.
      const size = Math.min(into.length, MAX_READ_BYTES);
      if (this.#buffer.byteLength !== size) this.#buffer = new ArrayBuffer(size);
      const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
      if (done) return null;
      this.#buffer = value.buffer; // the same memory, transferred to us again
      this.#rest = value;
    }
    const count = Math.min(this.#rest.length, into.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#writer.close();
  }

  async settle(): Promise<void> {
    const confirmed = this.#conn.incomingUnidirectionalStreams.getReader().read();
    const writer = (await this.#conn.createUnidirectionalStream()).getWriter();
    writer.closed.catch(() => {});
    await writer.write(Uint8Array.of(1));
    await writer.close();
    await Promise.race([confirmed, this.#gone]);
  }

  async release(): Promise<void> {
    this.#conn.close({ closeCode: 0, reason: "" });
    await this.#gone;
    if (!this.#endpointIsShared) this.#endpoint.close();
  }
}

/** The peer's address; to be asked of an accepted connection only, not of an incoming one. */
export function quicRemote(conn: Deno.QuicConn): SocketAddress {
  const { hostname, port } = conn.remoteAddr;
  return { ip: canonicalIp(withoutZone(hostname)), port };
}
