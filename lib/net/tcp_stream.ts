import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { withoutZone } from "./zone.ts";

/** A {@linkcode ByteStream} on `Deno.TcpConn`, without Nagle's delay. */
export class TcpStream implements ByteStream {
  readonly kind = "tcp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #conn: Deno.TcpConn;
  #reading: Promise<unknown> | undefined;

  /** @param conn belongs to the stream from now on */
  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.local = socketAddress(conn.localAddr);
    this.remote = socketAddress(conn.remoteAddr);
    conn.setNoDelay(true);
  }

  read(into: Uint8Array): Promise<number | null> {
    const reading = this.#conn.read(into);
    this.#reading = reading;
    return reading;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = await this.#conn.write(bytes);
    while (written < bytes.length) written += await this.#conn.write(bytes.subarray(written));
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  settle(): Promise<void> {
    return Promise.resolve(); // the kernel keeps sending after close, once our FIN is queued
  }

  async release(): Promise<void> {
    try {
      this.#conn.close();
    } catch { // closed before
    }
    // a read under way holds the socket until it has been cancelled
    await this.#reading?.catch(() => {});
  }
}

function socketAddress(addr: Deno.NetAddr): SocketAddress {
  return { ip: canonicalIp(withoutZone(addr.hostname)), port: addr.port };
}
