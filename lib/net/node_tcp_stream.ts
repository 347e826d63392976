import type { Socket } from "node:net";
import { canonicalIp, type SocketAddress } from "../ip/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { withoutZone } from "./zone.ts";

/** A {@linkcode ByteStream} on a connected `node:net` socket in paused mode, without Nagle's delay. */
export class NodeTcpStream implements ByteStream {
  readonly kind = "tcp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #socket: Socket;
  #rest: Uint8Array | undefined;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param socket belongs to the stream from now on; made with `allowHalfOpen` */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.local = socketAddress(socket.localAddress!, socket.localPort!);
    this.remote = socketAddress(socket.remoteAddress!, socket.remotePort!);
    socket.setNoDelay(true);
    socket.on("readable", () => this.#wake?.());
    socket.on("end", () => this.#end());
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(this.#ended ? undefined : new Error("connection closed")));
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) {
        const count = Math.min(chunk.length, into.length);
        into.set(chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
        return count;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  release(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #end(error?: Error): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }
}

function socketAddress(ip: string, port: number): SocketAddress {
  return { ip: canonicalIp(withoutZone(ip)), port };
}
