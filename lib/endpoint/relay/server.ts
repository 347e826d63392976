import type { TurnCredentials } from "../../turn/mod.ts";

/** How we talk with a TURN server. */
export type ServerTransport = "udp" | "tcp" | "tls";

/** The port of TURN over UDP and TCP (RFC 8656 §6). */
export const TURN_PORT = 3478;
/** The port of TURN over TLS (RFC 8656 §6). */
export const TURNS_PORT = 5349;

/** A TURN server as the user names it. */
export interface TurnServer {
  /** A name, which is resolved to addresses of both families, or an IP address. */
  readonly host: string;
  /** {@linkcode TURN_PORT}, or {@linkcode TURNS_PORT} over TLS, when absent. */
  readonly port?: number;
  /** When absent: UDP, and TCP where UDP does not get through. */
  readonly transport?: ServerTransport;
  /** The account; without it only a server that asks for none will do. */
  readonly credentials?: TurnCredentials;
  /**
   * Certificates, PEM, that may have signed a TLS server's besides those that Deno trusts: see its
   * `--tls-ca-store` and `DENO_TLS_CA_STORE=system`.
   */
  readonly caCertificates?: readonly string[];
}

/** Why {@linkcode parseTurnUri} refused a text. */
export class TurnUriError extends Error {
  /** The class name, as `Error` has it. */
  override readonly name = "TurnUriError";
}

const URI =
  /^(turns?):(?:\[([0-9a-fA-F:.]+)\]|([^:?@/[\]\s]+))(?::(\d{1,5}))?(?:\?transport=(\w+))?$/;

/**
 * Reads a TURN URI (RFC 7065): `turn:host`, `turn:host:port?transport=tcp`, `turns:host`. The scheme
 * `turns` stands for TLS, `turn` for its absence (RFC 8656 §4.1).
 *
 * @throws {TurnUriError} when the text is none, or asks for DTLS or an unknown transport
 */
export function parseTurnUri(text: string): TurnServer {
  const match = URI.exec(text);
  if (match === null) throw new TurnUriError(`not a TURN URI: ${JSON.stringify(text)}`);
  const [, scheme, ipv6, name, digits, named] = match;
  const host = (ipv6 ?? name)!;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) {
    throw new TurnUriError(`no such port: ${JSON.stringify(text)}`);
  }
  const transport = transportOf(scheme!, named);
  if (transport === null) throw new TurnUriError(`unknown transport: ${JSON.stringify(text)}`);
  return {
    host,
    ...(port === undefined ? {} : { port }),
    ...(transport === undefined ? {} : { transport }),
  };
}

function transportOf(
  scheme: string,
  named: string | undefined,
): ServerTransport | undefined | null {
  if (scheme === "turns") return named === undefined || named === "tcp" ? "tls" : null;
  if (named === undefined || named === "udp" || named === "tcp") return named;
  return null;
}
