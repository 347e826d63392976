import { equalSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { MappedAddress, XorMappedAddress } from "./address_attributes.ts";
import { isStun } from "./demux.ts";
import { StunDecodeError } from "./error.ts";
import { ErrorCode } from "./error_attributes.ts";
import { decodeMessage, type StunMessage } from "./message.ts";
import { Method } from "./message_type.ts";
import { encodeMessage } from "./message_writer.ts";
import { INITIAL_RTO_MS, Retransmission } from "./retransmission.ts";

/** Servers that are asked at most; more in the list are left out. */
export const MAX_BINDING_SERVERS = 8;
/** How often each server is asked: after 0, 0.5 and 1.5 s. */
export const BINDING_TRANSMISSIONS = 3;
/** After the last request, in units of the RTO; 2.5 s in all with the default RTO. */
export const BINDING_FINAL_WAIT_RTOS = 2;

/** What {@linkcode BindingClient} takes. */
export interface BindingClientOptions {
  /** The servers to ask, all at once and from the same base; one family. */
  readonly servers: readonly SocketAddress[];
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds, monotonic. */
  readonly now: number;
  /** First retransmission time-out, milliseconds; default {@linkcode INITIAL_RTO_MS}. */
  readonly rtoMs?: number;
  /** How often each server is asked; default {@linkcode BINDING_TRANSMISSIONS}. */
  readonly transmissions?: number;
}

/** What {@linkcode BindingClient.pollEvent} tells. */
export type BindingEvent =
  /** A server has said which address it sees: a server-reflexive candidate's. */
  | {
    readonly type: "mapped";
    readonly server: SocketAddress;
    readonly mapped: SocketAddress;
    readonly roundTripMs: number;
  }
  /** A server gave no usable answer. */
  | { readonly type: "failed"; readonly server: SocketAddress; readonly reason: string }
  /** Every server has answered or failed; the last event. */
  | { readonly type: "done" };

interface Question {
  readonly server: SocketAddress;
  readonly transactionId: Uint8Array;
  readonly request: Uint8Array;
  readonly schedule: Retransmission;
  /** Time of the first transmission, milliseconds. */
  readonly sentAt: number;
}

/**
 * Asks several STUN servers at the same time, from one socket, which address they see (RFC 8489
 * §2, RFC 8445 §5.1.1.2). No I/O. Each answer is an event at once, so that a dead server delays
 * nothing; it is given up after 2.5 s.
 *
 * ```
 *   asked ──▶ mapped
 *     ├─ error response, nothing usable in it ──▶ failed
 *     └─ no answer in time ──▶ failed                       all mapped or failed ──▶ done
 * ```
 *
 * @example
 * ```ts
 * import { BindingClient, decodeMessage, encodeMessage, XorMappedAddress } from "@dhtnet/dhtnet/stun";
 * import assert from "node:assert/strict";
 *
 * const server = { ip: "192.0.2.1", port: 3478 };
 * const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
 * const client = new BindingClient({ servers: [server], random, now: 0 });
 * const request = decodeMessage(client.pollTransmit()!.bytes);
 * const answer = encodeMessage("success", request.method, request.transactionId)
 *   .add(XorMappedAddress, { ip: "198.51.100.7", port: 4711 })
 *   .finish();
 * assert.ok(client.handleDatagram(answer, server, 20));
 * const event = client.pollEvent();
 * assert.ok(event?.type === "mapped" && event.mapped.ip === "198.51.100.7");
 * ```
 */
export class BindingClient {
  readonly #open: Question[];
  readonly #transmits: { to: SocketAddress; bytes: Uint8Array }[] = [];
  readonly #events: BindingEvent[] = [];

  /** Asks every server; the requests wait in {@linkcode pollTransmit}. */
  constructor(options: BindingClientOptions) {
    const { random, now, rtoMs = INITIAL_RTO_MS, transmissions = BINDING_TRANSMISSIONS } = options;
    this.#open = options.servers.slice(0, MAX_BINDING_SERVERS).map((server) => {
      const transactionId = random(12);
      return {
        server,
        transactionId,
        request: encodeMessage("request", Method.Binding, transactionId).addFingerprint().finish(),
        schedule: new Retransmission(
          { rtoMs, transmissions, finalWaitRtos: BINDING_FINAL_WAIT_RTOS },
          now,
        ),
        sentAt: now,
      };
    });
    for (const { server, request } of this.#open) {
      this.#transmits.push({ to: server, bytes: request });
    }
    if (this.#open.length === 0) this.#events.push({ type: "done" });
  }

  /**
   * Takes a datagram that came in on the socket.
   *
   * @returns whether it was an answer to a question of ours, so that nobody else need look at it
   */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): boolean {
    if (!isStun(bytes)) return false;
    const index = this.#open.findIndex(({ server, transactionId }) =>
      equalSocketAddress(server, from) && transactionId.every((byte, i) => bytes[8 + i] === byte)
    );
    if (index < 0) return false;
    const question = this.#open[index]!;
    const event = answerOf(bytes, question, now);
    if (event !== undefined) this.#close(index, event);
    return true;
  }

  /** Asks again, or gives up. @param now milliseconds */
  handleTimeout(now: number): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const { server, request, schedule } = this.#open[i]!;
      const next = schedule.next(now);
      if (next === "resend") this.#transmits.push({ to: server, bytes: request });
      if (next === "expired") this.#close(i, { type: "failed", server, reason: "no answer" });
    }
  }

  /** When {@linkcode handleTimeout} wants to be called, milliseconds. */
  pollTimeout(): number | undefined {
    if (this.#open.length === 0) return undefined;
    return Math.min(...this.#open.map(({ schedule }) => schedule.dueAt));
  }

  /** The next datagram to send from the base. */
  pollTransmit(): { to: SocketAddress; bytes: Uint8Array } | undefined {
    return this.#transmits.shift();
  }

  /** What has happened. */
  pollEvent(): BindingEvent | undefined {
    return this.#events.shift();
  }

  #close(index: number, event: BindingEvent): void {
    this.#open.splice(index, 1);
    this.#events.push(event);
    if (this.#open.length === 0) this.#events.push({ type: "done" });
  }
}

/** Undefined for what is not a whole Binding response: the question stays open. */
function answerOf(
  bytes: Uint8Array,
  { server, sentAt }: Question,
  now: number,
): BindingEvent | undefined {
  try {
    const message = decodeMessage(bytes);
    if (message.method !== Method.Binding || message.checkFingerprint() === "invalid") {
      return undefined;
    }
    if (message.messageClass === "error") {
      const error = message.get(ErrorCode);
      const reason = error === undefined ? "refused" : `${error.code} ${error.reason}`;
      return { type: "failed", server, reason };
    }
    if (message.messageClass !== "success") return undefined;
    const mapped = mappedAddress(message);
    if (mapped === undefined || mapped.port === 0) {
      return { type: "failed", server, reason: "the answer names no address" };
    }
    return { type: "mapped", server, mapped, roundTripMs: now - sentAt };
  } catch (error) {
    if (error instanceof StunDecodeError) return undefined;
    throw error;
  }
}

/** MAPPED-ADDRESS alone comes from RFC 3489 servers. */
function mappedAddress(message: StunMessage): SocketAddress | undefined {
  return message.get(XorMappedAddress) ?? message.get(MappedAddress);
}
