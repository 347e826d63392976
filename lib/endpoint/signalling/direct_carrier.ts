/**
 * Signalling over one TCP connection to a known address, `id@host:port`: no DHT. The dialer sends one
 * request, the listener one answer, each with its length before it; then the connection is closed.
 *
 * @module
 */
import { formatSocketAddress, type SocketAddress } from "../../ip/mod.ts";
import { incomingConnections } from "../../net/incoming_connections.ts";
import type {
  CarrierListener,
  CarryOptions,
  RequestReceiver,
  SignallingCarrier,
} from "./carrier.ts";
import { SignallingError } from "./signalling_error.ts";
import { readFrame, writeFrame } from "./stream_frame.ts";

/** Until when the connection is made. */
export const DIRECT_CONNECT_TIMEOUT_MS = 10_000;
/** How long a dialer may take to send its request. */
export const DIRECT_REQUEST_TIMEOUT_MS = 5_000;
/** How long the answer may take: the listener gathers candidates first. */
export const DIRECT_ANSWER_TIMEOUT_MS = 30_000;
/** Connections that a listener holds at once; further ones are closed. */
export const MAX_DIRECT_CONNECTIONS = 128;
/** The same for one address. */
export const MAX_DIRECT_CONNECTIONS_PER_IP = 16;

/** Where a device is reached directly. */
export interface DirectAddress {
  /** 64 lower-case hexadecimal characters. */
  readonly id: string;
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/**
 * Reads `id@host:port`, an IPv6 address in brackets.
 *
 * @returns undefined when the text is not of that form
 *
 * @example
 * ```ts ignore
 * parseDirectAddress(`${id}@[2001:db8::1]:4222`); // { id, host: "2001:db8::1", port: 4222 }
 * ```
 */
export function parseDirectAddress(text: string): DirectAddress | undefined {
  const match = /^([0-9a-fA-F]{64})@(?:\[([0-9a-fA-F:.]+)\]|([^\s:@[\]/]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[4]);
  if (port < 1 || port > 65_535) return undefined;
  return { id: match[1]!.toLowerCase(), host: match[2] ?? match[3]!, port };
}

/** What a direct carrier may be told; the time-outs are for tests. */
export interface DirectCarrierOptions {
  /** Where requests are sent. */
  readonly remote?: { readonly host: string; readonly port: number };
  /** Where to listen: an address of this host, and a port (0: the system chooses). */
  readonly local?: SocketAddress;
  /** See {@linkcode DIRECT_CONNECT_TIMEOUT_MS}. */
  readonly connectTimeoutMs?: number;
  /** See {@linkcode DIRECT_REQUEST_TIMEOUT_MS}. */
  readonly requestTimeoutMs?: number;
  /** See {@linkcode DIRECT_ANSWER_TIMEOUT_MS}. */
  readonly answerTimeoutMs?: number;
}

/** A listener with the address that it got. */
export interface DirectListener extends CarrierListener {
  /** Where it listens, the port chosen. */
  readonly local: SocketAddress;
}

/** Carries signalling over TCP, see the module's comment. */
export class DirectCarrier implements SignallingCarrier {
  readonly #options: DirectCarrierOptions;

  /**
   * Opens nothing yet.
   *
   * @param options `remote` to request, `local` to listen
   */
  constructor(options: DirectCarrierOptions) {
    this.#options = options;
  }

  /**
   * Sends the request to the carrier's `remote` and waits for the answer.
   *
   * @throws {SignallingError} `unreachable`, `timeout`, `oversize`, `unreadable`; the signal's reason
   */
  async request(
    _listenerId: string,
    sealedRequest: Uint8Array,
    { signal, accept }: CarryOptions = {},
  ): Promise<Uint8Array> {
    const { remote, connectTimeoutMs, answerTimeoutMs } = this.#options;
    if (remote === undefined) throw new SignallingError("unreachable", "no address to dial");
    const name = formatSocketAddress({ ip: remote.host, port: remote.port });
    const connection = await within(
      connectTimeoutMs ?? DIRECT_CONNECT_TIMEOUT_MS,
      `no connection to ${name} in time`,
      signal,
      (ending) => connect(remote, name, ending),
    );
    try {
      return await within(
        answerTimeoutMs ?? DIRECT_ANSWER_TIMEOUT_MS,
        `no answer from ${name} in time`,
        signal,
        async (ending) => {
          ending.addEventListener("abort", () => close(connection));
          const sealed = await converse(connection, sealedRequest, name);
          if (accept !== undefined && !await accept(sealed)) {
            throw new SignallingError("unreadable", `${name} is not the device that was dialled`);
          }
          return sealed;
        },
      );
    } finally {
      close(connection);
    }
  }

  /**
   * Listens at the carrier's `local`, for one id.
   *
   * @throws {SignallingError} `unreachable` when the address cannot be listened at
   */
  // deno-lint-ignore require-await -- a rejection, not an exception
  async listen(_id: string, onRequest: RequestReceiver): Promise<DirectListener> {
    const { local, requestTimeoutMs, answerTimeoutMs } = this.#options;
    if (local === undefined) throw new SignallingError("unreachable", "no address to listen at");
    const listener = listenTcp(local);
    const held = new Map<Deno.TcpConn, Promise<void>>();
    const accepting = (async () => {
      for await (const connection of incomingConnections(listener)) {
        const ip = connection.remoteAddr.hostname;
        const same = [...held.keys()].filter((other) => other.remoteAddr.hostname === ip).length;
        if (held.size >= MAX_DIRECT_CONNECTIONS || same >= MAX_DIRECT_CONNECTIONS_PER_IP) {
          close(connection);
          continue;
        }
        const serving = serve(connection, onRequest, {
          requestTimeoutMs: requestTimeoutMs ?? DIRECT_REQUEST_TIMEOUT_MS,
          answerTimeoutMs: answerTimeoutMs ?? DIRECT_ANSWER_TIMEOUT_MS,
        });
        held.set(connection, serving);
        serving.finally(() => held.delete(connection));
      }
    })();
    return {
      local: { ip: listener.addr.hostname, port: listener.addr.port },
      close: async () => {
        close(listener);
        const serving = [...held.values()];
        for (const connection of held.keys()) close(connection);
        await Promise.all([accepting, ...serving]);
      },
    };
  }
}

/** One dialer's connection: request, answer, close. Never rejects. */
async function serve(
  connection: Deno.TcpConn,
  onRequest: RequestReceiver,
  limits: { requestTimeoutMs: number; answerTimeoutMs: number },
): Promise<void> {
  const { promise: answer, resolve: reply } = Promise.withResolvers<Uint8Array>();
  try {
    const source = connection.remoteAddr.hostname;
    await within(limits.requestTimeoutMs, "no request in time", undefined, async (ending) => {
      ending.addEventListener("abort", () => close(connection));
      onRequest(await readFrame(connection), reply, source);
    });
    await within(limits.answerTimeoutMs, "no answer in time", undefined, async (ending) => {
      ending.addEventListener("abort", () => close(connection));
      // The dialer sends nothing more: what this read brings is the end of the connection.
      const gone = connection.read(new Uint8Array(1)).then(() => undefined);
      const sealed = await Promise.race([answer, gone]);
      if (sealed !== undefined) await writeFrame(connection, sealed);
      close(connection);
      await gone.catch(() => {});
    });
  } catch {
    // The dialer learns of it by the connection's end.
  } finally {
    close(connection);
  }
}

async function converse(connection: Deno.TcpConn, sealed: Uint8Array, name: string) {
  try {
    await writeFrame(connection, sealed);
    return await readFrame(connection);
  } catch (cause) {
    if (cause instanceof SignallingError && cause.code === "oversize") throw cause;
    throw new SignallingError("unreachable", `${name} ended the connection without an answer`, {
      cause,
    });
  }
}

async function connect(
  { host, port }: { readonly host: string; readonly port: number },
  name: string,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  try {
    const connection = await Deno.connect({ hostname: host, port, signal });
    connection.setNoDelay(true);
    return connection;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SignallingError("unreachable", `no connection to ${name}: ${why}`, { cause });
  }
}

function listenTcp({ ip, port }: SocketAddress): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: ip, port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const name = formatSocketAddress({ ip, port });
    throw new SignallingError("unreachable", `cannot listen at ${name}: ${why}`, { cause });
  }
}

/** Runs a step that has to end by a deadline and on the caller's signal. */
async function within<T>(
  timeoutMs: number,
  message: string,
  signal: AbortSignal | undefined,
  step: (ending: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new SignallingError("timeout", message)), timeoutMs);
  const onAbort = () => ending.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    return await step(ending.signal);
  } catch (error) {
    ending.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Closes what may be closed already. */
function close(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // closed by the other of two causes
  }
}
