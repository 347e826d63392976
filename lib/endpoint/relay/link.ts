import type { SocketAddress } from "../../ip/mod.ts";

/** The way to one address of a TURN server: a UDP socket, or a TCP or TLS connection. */
export interface ServerLink {
  /** Whether each message has a datagram of its own. */
  readonly transport: "datagram" | "stream";
  /** The server's end. */
  readonly remote: SocketAddress;
  /** So much waits to be written that more should wait elsewhere; `onDrained` follows. */
  readonly congested: boolean;
  /** Called for what comes from the server; the bytes are the callee's to keep. */
  onBytes: (bytes: Uint8Array) => void;
  /** Called when a congested link takes more. */
  onDrained: () => void;
  /** Called once when the connection is lost; never for UDP. */
  onLost: () => void;
  send(bytes: Uint8Array): void;
  /** Resolves when the local port is free. What was sent may still leave. */
  close(): Promise<void>;
}
