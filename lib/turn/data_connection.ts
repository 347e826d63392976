import { ConnectionId, decodeMessage, Method, StunDecodeError } from "../stun/mod.ts";
import type { Authentication } from "./authentication.ts";
import { TurnError } from "./error.ts";
import { Outbox } from "./outbox.ts";
import { Requests } from "./requests.ts";
import { StreamParser } from "./stream_parser.ts";

/** RFC 6062 §4.3: the server drops a connection that nobody has bound after 30 s. */
const BIND_TIMEOUT_MS = 30_000;

/** What {@linkcode TurnDataConnection.pollEvent} tells. */
export type DataConnectionEvent =
  /** From here on the connection is the peer's byte stream; `rest` is its beginning. */
  | { readonly type: "bound"; readonly rest: Uint8Array }
  /** Close the connection. The last event. */
  | { readonly type: "failed"; readonly error: TurnError };

/**
 * A new TCP or TLS connection to the server that takes a peer's connection over (RFC 6062 §4.3).
 * No I/O: it says what to send, and reads until the server's consent.
 *
 * ```
 *   ConnectionBind ──▶ 401, 438 ──▶ ConnectionBind ──▶ success ──▶ bound: plain bytes both ways
 *                                          └─ error, 30 s, garbage ──▶ failed
 * ```
 */
export class TurnDataConnection {
  readonly #outbox: Outbox;
  readonly #requests: Requests;
  readonly #parser = new StreamParser();
  #event: DataConnectionEvent | undefined;
  #state: "binding" | "bound" | "failed" = "binding";

  /** Use {@linkcode TurnClient.dataConnection}. */
  constructor(
    authentication: Authentication,
    connectionId: number,
    random: (length: number) => Uint8Array,
    now: number,
  ) {
    this.#outbox = new Outbox(now);
    this.#requests = new Requests({
      authentication,
      outbox: this.#outbox,
      random,
      reliable: true,
    });
    this.#requests.send({
      method: Method.ConnectionBind,
      purpose: "data connection",
      write: (message) => void message.add(ConnectionId, connectionId),
      onSuccess: () => {
        this.#state = "bound";
        this.#parser.stop();
      },
      onFailure: (error) => this.#fail(error),
      schedule: { rtoMs: BIND_TIMEOUT_MS, transmissions: 1, finalWaitRtos: 1 },
    }, now);
  }

  /** Takes bytes from the new connection, until it is bound. @param now milliseconds */
  handleServerBytes(bytes: Uint8Array, now: number): void {
    if (this.#state !== "binding") return;
    try {
      const rest = this.#parser.push(bytes, (message) => this.#handleMessage(message, now));
      if (rest !== undefined) this.#event = { type: "bound", rest };
    } catch (error) {
      if (!(error instanceof TurnError)) throw error;
      this.#fail(error);
    }
  }

  /** The server has closed the new connection. */
  handleServerClosed(): void {
    if (this.#state !== "binding") return;
    this.#fail(new TurnError("unreachable", "the TURN server closed the data connection"));
  }

  /** Gives up when it is time. @param now milliseconds */
  handleTimeout(now: number): void {
    this.#requests.handleTimeout(now);
  }

  /** When {@linkcode handleTimeout} wants to be called, milliseconds. */
  pollTimeout(): number | undefined {
    return this.#requests.pollTimeout();
  }

  /** Bytes to send on the new connection. */
  pollTransmit(): Uint8Array | undefined {
    return this.#outbox.shift();
  }

  /** What has happened. */
  pollEvent(): DataConnectionEvent | undefined {
    const event = this.#event;
    this.#event = undefined;
    return event;
  }

  #handleMessage(bytes: Uint8Array, now: number): void {
    try {
      const message = decodeMessage(bytes);
      if (message.messageClass === "success" || message.messageClass === "error") {
        this.#requests.handleResponse(message, now);
      }
    } catch (error) {
      if (!(error instanceof StunDecodeError)) throw error;
    }
  }

  #fail(error: TurnError): void {
    this.#state = "failed";
    this.#requests.clear();
    this.#event = { type: "failed", error };
  }
}
