import { equalSocketAddress, type SocketAddress } from "../../ip/mod.ts";
import {
  type AttributeCodec,
  decodeMessage,
  encodeMessage,
  ErrorCode,
  isStun,
  MappedAddress,
  Method,
  OtherAddress,
  Retransmission,
  StunDecodeError,
  type StunMessage,
  uint32Codec,
  XorMappedAddress,
} from "../../stun/mod.ts";

/** CHANGE-REQUEST (RFC 5780 §7.2): asks a server to answer from elsewhere. */
const ChangeRequest: AttributeCodec<number> = uint32Codec(0x0003, "CHANGE-REQUEST");
/** "Change IP" of CHANGE-REQUEST (RFC 5780 §7.2). */
export const CHANGE_IP = 0x04;
/** "Change port" of CHANGE-REQUEST (RFC 5780 §7.2). */
export const CHANGE_PORT = 0x02;

/** Before a question is asked again, unless the round trip is known: milliseconds. */
export const PROBE_RTO_MS = 400;
/** How often a question is asked; with the default RTO it is given up after 2 s. */
const TRANSMISSIONS = 3;
/** How long the last transmission is waited for, in RTOs. */
const FINAL_WAIT_RTOS = 2;

/** A server's answer to a Binding request. */
export interface BindingAnswer {
  /** From where the answer came. */
  readonly from: SocketAddress;
  /** From where the server saw the request come. */
  readonly mapped: SocketAddress;
  /** The server's other address, if it has one (RFC 5780 §7.4). */
  readonly other: SocketAddress | undefined;
  readonly roundTripMs: number;
}

/** A question to a server, and who wants to know. */
export interface BindingProbe {
  readonly to: SocketAddress;
  /** {@linkcode CHANGE_IP} and {@linkcode CHANGE_PORT}; then the answer may come from anywhere. */
  readonly change?: number;
  /** Before it is asked again, milliseconds; default {@linkcode PROBE_RTO_MS}. */
  readonly rtoMs?: number;
  /** Called at most once, and then `onFailure` never. */
  readonly onAnswer: (answer: BindingAnswer, now: number) => void;
  /** There is no usable answer. */
  readonly onFailure: (failure: ProbeFailure) => void;
}

/** Why there is no usable answer. */
export interface ProbeFailure {
  /** For people. */
  readonly reason: string;
  /** Whether nothing came at all. */
  readonly silent: boolean;
}

interface OpenProbe extends BindingProbe {
  readonly transactionId: Uint8Array;
  readonly request: Uint8Array;
  readonly schedule: Retransmission;
  readonly sentAt: number;
}

/**
 * Binding requests under way on one socket, each with its own question. No I/O.
 *
 * ```
 *   ask() ──▶ open ──┬─ success response ──▶ onAnswer
 *                    └─ error response, or no answer after 3 transmissions ──▶ onFailure
 * ```
 */
export class BindingProbes {
  readonly #random: (length: number) => Uint8Array;
  readonly #transmits: { to: SocketAddress; bytes: Uint8Array }[] = [];
  #open: OpenProbe[] = [];

  /** @param random cryptographically secure random bytes */
  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** Asks; also from within a callback. @param now milliseconds */
  ask(probe: BindingProbe, now: number): void {
    const transactionId = this.#random(12);
    const message = encodeMessage("request", Method.Binding, transactionId);
    if (probe.change !== undefined) message.add(ChangeRequest, probe.change);
    const request = message.addFingerprint().finish();
    const schedule = new Retransmission({
      rtoMs: probe.rtoMs ?? PROBE_RTO_MS,
      transmissions: TRANSMISSIONS,
      finalWaitRtos: FINAL_WAIT_RTOS,
    }, now);
    this.#open.push({ ...probe, transactionId, request, schedule, sentAt: now });
    this.#transmits.push({ to: probe.to, bytes: request });
  }

  /** Whether nothing is waited for. */
  get idle(): boolean {
    return this.#open.length === 0;
  }

  /** A datagram of the socket; what is no answer to a question is ignored. */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    if (!isStun(bytes)) return;
    const probe = this.#open.find(({ transactionId, to, change }) =>
      transactionId.every((byte, i) => bytes[8 + i] === byte) &&
      (change !== undefined || equalSocketAddress(to, from))
    );
    if (probe === undefined) return;
    const answer = answerIn(bytes, from, now - probe.sentAt);
    if (answer === undefined) return;
    this.#open = this.#open.filter((other) => other !== probe);
    if (typeof answer === "string") probe.onFailure({ reason: answer, silent: false });
    else probe.onAnswer(answer, now);
  }

  /** Asks again, or gives up. @param now milliseconds */
  handleTimeout(now: number): void {
    const expired: OpenProbe[] = [];
    for (const probe of this.#open) {
      const next = probe.schedule.next(now);
      if (next === "resend") this.#transmits.push({ to: probe.to, bytes: probe.request });
      if (next === "expired") expired.push(probe);
    }
    this.#open = this.#open.filter((probe) => !expired.includes(probe));
    for (const { onFailure } of expired) onFailure({ reason: "no answer", silent: true });
  }

  /** When {@linkcode handleTimeout} wants to be called, milliseconds. */
  pollTimeout(): number | undefined {
    if (this.#open.length === 0) return undefined;
    return Math.min(...this.#open.map(({ schedule }) => schedule.dueAt));
  }

  /** The next datagram to send. */
  pollTransmit(): { to: SocketAddress; bytes: Uint8Array } | undefined {
    return this.#transmits.shift();
  }
}

/** The answer, or why it is none, or undefined for what is not a whole Binding response. */
function answerIn(
  bytes: Uint8Array,
  from: SocketAddress,
  roundTripMs: number,
): BindingAnswer | string | undefined {
  try {
    const message = decodeMessage(bytes);
    if (message.method !== Method.Binding || message.checkFingerprint() === "invalid") {
      return undefined;
    }
    if (message.messageClass === "error") {
      const error = message.get(ErrorCode);
      return error === undefined ? "refused" : `${error.code} ${error.reason}`.trim();
    }
    if (message.messageClass !== "success") return undefined;
    const mapped = message.get(XorMappedAddress) ?? message.get(MappedAddress);
    if (mapped === undefined) return "the answer names no address";
    return { from, mapped, other: otherAddress(message), roundTripMs };
  } catch (error) {
    if (error instanceof StunDecodeError) return undefined;
    throw error;
  }
}

/** An OTHER-ADDRESS that cannot be read counts as none: the mapped address is what matters. */
function otherAddress(message: StunMessage): SocketAddress | undefined {
  try {
    return message.get(OtherAddress);
  } catch (error) {
    if (error instanceof StunDecodeError) return undefined;
    throw error;
  }
}
