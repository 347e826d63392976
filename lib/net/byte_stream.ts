import type { SocketAddress } from "../ip/mod.ts";
import type { PipeDatagrams } from "./pipe.ts";

/**
 * What a {@linkcode Pipe} stands on: a transport's byte stream in both directions, without rules
 * about who may call what when.
 */
export interface ByteStream {
  /** The transport. */
  readonly kind: PipeKind;
  /** Our end. */
  readonly local: SocketAddress;
  /** The peer's end. */
  readonly remote: SocketAddress;
  /** Datagrams over the same transport, where it has them. */
  readonly datagrams?: PipeDatagrams;
  /** One read at a time. Number of bytes read, at least 1; null at the peer's end of stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** One write at a time. All of the bytes; they may be reused when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction, after everything written. */
  closeWrite(): Promise<void>;
  /** Called after both ends of stream: resolves when nothing of ours can get lost any more. */
  settle(): Promise<void>;
  /** Lets go at once; what the peer has not read may be lost. Resolves when the port is free. */
  release(): Promise<void>;
}

/** The transports that a {@linkcode Pipe} may stand on; plain datagrams only for a moment. */
export type PipeKind = "tcp" | "quic" | "udp" | "memory";
