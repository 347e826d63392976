import {
  AddressErrorCode,
  AlternateDomain,
  AlternateServer,
  ChannelNumber,
  ConnectionId,
  Data,
  encodeMessage,
  ErrorCode,
  type ErrorCodeValue,
  FINGERPRINT,
  Lifetime,
  MappedAddress,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
  type MessageWriter,
  Nonce,
  Realm,
  RELIABLE_SCHEDULE,
  RequestedTransport,
  ReservationToken,
  Retransmission,
  type RetransmissionSchedule,
  StunDecodeError,
  type StunMessage,
  UDP_SCHEDULE,
  UnknownAttributes,
  Userhash,
  Username,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from "../stun/mod.ts";
import type { Authentication, Signature } from "./authentication.ts";
import { errorOfCode, TurnError } from "./error.ts";
import type { Outbox } from "./outbox.ts";

/** How often one request is tried again for a 401 or 438 before that is its end. */
const MAX_CHALLENGES = 4;

/** Comprehension-required attributes that a server may send; another one spoils a response. */
export const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set(
  [
    ...[ErrorCode, UnknownAttributes, Realm, Nonce, Username, Userhash, MappedAddress],
    ...[XorMappedAddress, XorPeerAddress, XorRelayedAddress, Lifetime, Data, ChannelNumber],
    ...[ReservationToken, RequestedTransport, ConnectionId, AddressErrorCode],
  ].map(({ type }) => type).concat(MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, FINGERPRINT),
);

/** Something to ask of the server, whatever number of transactions it takes. */
export interface TurnRequest {
  readonly method: number;
  /** For people: what is asked for. */
  readonly purpose: string;
  /** Adds the attributes, without credentials. */
  write(message: MessageWriter): void;
  /** A response whose integrity is right. @throws {StunDecodeError} counts as `protocol` error */
  onSuccess(message: StunMessage, now: number): void;
  onFailure(error: TurnError, now: number): void;
  /** How it is repeated; by default as RFC 8489 recommends. */
  readonly schedule?: RetransmissionSchedule;
}

interface Transaction {
  readonly request: TurnRequest;
  readonly bytes: Uint8Array;
  readonly signature: Signature | undefined;
  readonly retransmission: Retransmission;
  readonly sentAt: number;
  readonly challenges: number;
  /** An answer came whose integrity was wrong or missing. */
  violated: boolean;
}

/** What a {@linkcode Requests} needs. */
export interface RequestsOptions {
  readonly authentication: Authentication;
  readonly outbox: Outbox;
  readonly random: (length: number) => Uint8Array;
  /** Over TCP and TLS: nothing is sent twice (RFC 8489 §6.2.2). */
  readonly reliable: boolean;
}

/**
 * The requests under way: transaction ids, repetition, credentials, and who gets the answer.
 *
 * ```
 *   send ──▶ waiting ──┬─ success, integrity right ──▶ onSuccess
 *              ▲       ├─ 401, 438 ──▶ challenge taken in ──▶ sent again under a new id
 *              │       ├─ other error, integrity right ──▶ onFailure
 *              │       ├─ integrity wrong or missing ──▶ as if it had not come
 *              └─ RTO ─┤
 *                      └─ nothing in time ──▶ onFailure: unreachable, or integrity
 * ```
 */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #open = new Map<string, Transaction>();
  #roundTripMs: number | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Of the last transaction that was sent only once, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Sends a request. @param challenges how often it has been challenged */
  send(request: TurnRequest, now: number, challenges = 0): void {
    const { authentication, outbox, random, reliable } = this.#options;
    const transactionId = random(12);
    const message = encodeMessage("request", request.method, transactionId);
    request.write(message);
    const signature = authentication.sign(message);
    const bytes = message.addFingerprint().finish();
    const schedule = request.schedule ?? (reliable ? RELIABLE_SCHEDULE : UDP_SCHEDULE);
    this.#open.set(keyOf(transactionId), {
      request,
      bytes,
      signature,
      retransmission: new Retransmission(schedule, now),
      sentAt: now,
      challenges,
      violated: false,
    });
    outbox.push(bytes, now);
  }

  /** Takes a response. @returns whether it was of use; what is not counts as dropped */
  handleResponse(message: StunMessage, now: number): boolean {
    const key = keyOf(message.transactionId);
    const transaction = this.#open.get(key);
    if (transaction === undefined || transaction.request.method !== message.method) return false;
    let error: ErrorCodeValue | undefined;
    try {
      if (message.messageClass === "error") {
        error = message.get(ErrorCode);
        if (error === undefined) return false;
      }
    } catch (cause) {
      if (cause instanceof StunDecodeError) return false;
      throw cause;
    }
    const challenged = error?.code === 401 || error?.code === 438;
    if (!challenged && !isProtected(message, transaction.signature)) {
      transaction.violated = true;
      return false;
    }
    this.#open.delete(key);
    if (transaction.retransmission.transmissions === 1) {
      this.#roundTripMs = now - transaction.sentAt;
    }
    this.#settle(transaction, message, error, now);
    return true;
  }

  /** Repeats and gives up. */
  handleTimeout(now: number): void {
    for (const [key, transaction] of [...this.#open]) {
      const next = transaction.retransmission.next(now);
      if (next === "resend") this.#options.outbox.push(transaction.bytes, now);
      // an earlier one's failure may have ended them all
      if (next !== "expired" || !this.#open.delete(key)) continue;
      transaction.request.onFailure(silence(transaction), now);
    }
  }

  /** When {@linkcode handleTimeout} has something to do, milliseconds. */
  pollTimeout(): number | undefined {
    let first: number | undefined;
    for (const { retransmission: { dueAt } } of this.#open.values()) {
      if (first === undefined || dueAt < first) first = dueAt;
    }
    return first;
  }

  /** Forgets all of them; nobody is told. */
  clear(): void {
    this.#open.clear();
  }

  #settle(
    transaction: Transaction,
    message: StunMessage,
    error: ErrorCodeValue | undefined,
    now: number,
  ): void {
    const { request } = transaction;
    try {
      const unknown = message.unknownRequired(KNOWN_ATTRIBUTES);
      if (unknown.length > 0) {
        const text = `the TURN server's answer has unknown attributes ${unknown.join(", ")}`;
        return request.onFailure(new TurnError("protocol", text), now);
      }
      if (error === undefined) return request.onSuccess(message, now);
      if (error.code === 401 || error.code === 438) {
        return this.#challenge(transaction, message, error.code, error.reason, now);
      }
      request.onFailure(errorOfCode(error.code, error.reason, alternative(message)), now);
    } catch (cause) {
      if (!(cause instanceof StunDecodeError)) throw cause;
      const text = `the TURN server's answer is malformed: ${cause.message}`;
      request.onFailure(new TurnError("protocol", text, { cause }), now);
    }
  }

  #challenge(
    { request, signature, challenges }: Transaction,
    message: StunMessage,
    code: 401 | 438,
    reason: string,
    now: number,
  ): void {
    const { authentication } = this.#options;
    const refusal = challenges >= MAX_CHALLENGES
      ? errorOfCode(code, reason)
      : authentication.handleChallenge(message, code, reason, signature);
    if (refusal !== undefined) return request.onFailure(refusal, now);
    this.send(request, now, challenges + 1);
  }
}

/**
 * Whether an answer is protected as its request was (RFC 8489 §9.2.5). RFC 8489 §14.8 wants that of
 * every 300, but coturn redirects before it asks for credentials; to be led astray by such a 300
 * is no worse than an unprotected way to the server: the other server, too, has to prove that it
 * knows the password before it is believed.
 */
function isProtected(message: StunMessage, signature: Signature | undefined): boolean {
  if (signature === undefined) return true;
  return message.checkIntegrity(signature.key, signature.integrity) === "valid";
}

/** What a 300 has to say besides. */
function alternative(message: StunMessage) {
  const alternate = message.get(AlternateServer), alternateDomain = message.get(AlternateDomain);
  return {
    ...(alternate === undefined ? {} : { alternate }),
    ...(alternateDomain === undefined ? {} : { alternateDomain }),
  };
}

function silence({ request: { purpose }, violated }: Transaction): TurnError {
  return violated
    ? new TurnError("integrity", `${purpose}: the TURN server's answers are not authentic`)
    : new TurnError("unreachable", `${purpose}: the TURN server does not answer`);
}

function keyOf(transactionId: Uint8Array): string {
  return String.fromCharCode(...transactionId);
}
