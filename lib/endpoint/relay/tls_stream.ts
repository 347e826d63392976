import { canonicalIp, formatSocketAddress, type SocketAddress } from "../../ip/mod.ts";
import type { ByteStream } from "../../net/mod.ts";
import { TurnError } from "../../turn/mod.ts";

/** TURN over TLS says so (RFC 7443). */
const ALPN_PROTOCOLS = ["stun.turn"];

/** How {@linkcode dialTls} dials. */
export interface TlsDialOptions {
  /** The name, or address, that the server's certificate must have. */
  readonly serverName: string;
  /** PEM, besides those that Deno trusts. */
  readonly caCertificates: readonly string[];
  /** The connection must leave from this address. */
  readonly localIp: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Connects to one address by TLS 1.2 or 1.3.
 *
 * @throws {TurnError} `unreachable`, also when the certificate is not the server's
 */
export async function dialTls(remote: SocketAddress, o: TlsDialOptions): Promise<ByteStream> {
  const where = formatSocketAddress(remote);
  let tcp: Deno.TcpConn;
  try {
    tcp = await Deno.connect({ hostname: remote.ip, port: remote.port, signal: o.signal });
  } catch (cause) {
    throw new TurnError("unreachable", `cannot reach ${where} by TCP: ${textOf(cause)}`, { cause });
  }
  if (o.localIp !== undefined && canonicalIp(tcp.localAddr.hostname) !== o.localIp) {
    tcp.close(); // Deno's TLS cannot choose the interface, but it can keep to it
    throw new TurnError("unreachable", `the way to ${where} does not lead over ${o.localIp}`);
  }
  // Deno.startTls takes `tcp` for its own: from then on there is only `tls` to close.
  let open: Deno.TcpConn | Deno.TlsConn = tcp;
  const stop = () => close(open);
  o.signal.addEventListener("abort", stop);
  try {
    tcp.setNoDelay(true); // not of a connection that is reset by now
    const tls = await Deno.startTls(tcp, {
      hostname: o.serverName,
      caCerts: [...o.caCertificates],
      alpnProtocols: ALPN_PROTOCOLS,
    });
    open = tls;
    o.signal.throwIfAborted();
    await tls.handshake();
    o.signal.throwIfAborted();
    return new TlsStream(tls);
  } catch (cause) {
    close(open);
    const text = `no TLS with ${o.serverName} at ${where}: ${textOf(cause)}${hintOf(cause)}`;
    throw new TurnError("unreachable", text, { cause });
  } finally {
    o.signal.removeEventListener("abort", stop);
  }
}

/** A {@linkcode ByteStream} on `Deno.TlsConn`. */
class TlsStream implements ByteStream {
  readonly kind = "tcp";
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #conn: Deno.TlsConn;
  #reading: Promise<unknown> | undefined;

  constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    const { localAddr, remoteAddr } = conn;
    this.local = { ip: canonicalIp(localAddr.hostname), port: localAddr.port };
    this.remote = { ip: canonicalIp(remoteAddr.hostname), port: remoteAddr.port };
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
    return Promise.resolve();
  }

  async release(): Promise<void> {
    close(this.#conn);
    await this.#reading?.catch(() => {});
  }
}

/** Closes a connection that may be closed already. */
function close(conn: Deno.TcpConn | Deno.TlsConn): void {
  try {
    conn.close();
  } catch { // closed before
  }
}

/** What `openssl req -x509` makes unasked is a CA's certificate, which rustls takes from no server. */
function hintOf(error: unknown): string {
  if (!textOf(error).includes("CaUsedAsEndEntity")) return "";
  return " (a self-signed server certificate needs basicConstraints CA:FALSE)";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
