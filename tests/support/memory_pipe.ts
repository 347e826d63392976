import type { Pipe, SocketAddress } from "../../lib/net/mod.ts";

/** Bytes that a direction of a memory pipe holds before its writer has to wait. */
const CAPACITY = 64 * 1024;

class Direction {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #over: "open" | "ended" | "cut" = "open";
  #changed = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<void> {
    while (this.#size >= CAPACITY && this.#over === "open") await this.#changed.promise;
    if (this.#over !== "open") throw new Error("the pipe is cut");
    this.#chunks.push(bytes.slice());
    this.#size += bytes.length;
    this.#notify();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0 && this.#over === "open") await this.#changed.promise;
    if (this.#over === "cut") throw new Error("the pipe is cut");
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return null;
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks.unshift(chunk.subarray(count));
    this.#size -= count;
    this.#notify();
    return count;
  }

  end(how: "ended" | "cut"): void {
    if (this.#over === "cut") return;
    this.#over = how;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Two ends of a pipe in memory; either may be aborted, which loses what is in flight. */
export function memoryPipes(): [Pipe, Pipe] {
  const [there, back] = [new Direction(), new Direction()];
  const address = (port: number): SocketAddress => ({ ip: "127.0.0.1", port });
  const end = (out: Direction, into: Direction, local: number, remote: number): Pipe => ({
    kind: "tcp",
    local: address(local),
    remote: address(remote),
    read: (buffer) => into.read(buffer),
    write: (bytes) => out.write(bytes),
    closeWrite: () => Promise.resolve(out.end("ended")),
    close: () => Promise.resolve(out.end("ended")),
    abort: () => {
      out.end("cut");
      into.end("cut");
      return Promise.resolve();
    },
  });
  return [end(there, back, 1, 2), end(back, there, 2, 1)];
}
