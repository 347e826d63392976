import type { PipeDatagrams } from "./pipe.ts";

/** Datagrams of a QUIC connection (RFC 9221). */
export class QuicDatagrams implements PipeDatagrams {
  readonly #conn: Deno.QuicConn;

  constructor(conn: Deno.QuicConn) {
    this.#conn = conn;
  }

  get maxBytes(): number {
    try {
      return this.#conn.maxDatagramSize;
    } catch {
      return 0; // the connection is over
    }
  }

  send(bytes: Uint8Array): void {
    // Where the path does not keep up, the oldest of those that wait are dropped.
    this.#conn.sendDatagram(bytes).catch(() => {});
  }

  receive(): Promise<Uint8Array> {
    return this.#conn.readDatagram();
  }
}
