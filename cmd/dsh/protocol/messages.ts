import type { TerminalSize } from "../../../lib/net/pty.ts";
import { encodeObject, isSize, parseObject } from "./json_message.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isVariableName, MAX_VARIABLES } from "./session_request.ts";

/** Signals that travel, without `SIG`. */
export const SIGNALS = [
  ...["HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "TSTP", "WINCH"],
] as const;

/** Number of the first real-time signal that the C library leaves to programs (signal(7)). */
const FIRST_REAL_TIME = 34;

/** Longest text for people in a message, characters. */
const MAX_REASON_CHARACTERS = 1024;

/** What a server says once the program runs. */
export interface Started {
  /** Names of variables that were asked for and are not taken. */
  readonly ignored: readonly string[];
}

/** How a program ended: with a code, or by a signal. */
export type ProgramExit =
  | { readonly code: number; readonly signal?: undefined }
  | { readonly code?: undefined; readonly signal: string };

/** Name of a real-time signal, as kill(1) and shells take it. */
export function realTimeSignal(number: number): string {
  return number === FIRST_REAL_TIME ? "SIGRTMIN" : `SIGRTMIN+${number - FIRST_REAL_TIME}`;
}

/** Number of a real-time signal; undefined for any other name. */
export function realTimeNumber(signal: string): number | undefined {
  const match = /^SIGRTMIN(?:\+(\d{1,2}))?$/.exec(signal);
  return match === null ? undefined : FIRST_REAL_TIME + Number(match[1] ?? 0);
}

/** Why there is no session, or no more. */
export interface SessionFailure {
  /** `refused`: not allowed. `failed`: the program could not be run. `ended`: the server ends it. */
  readonly code: "refused" | "failed" | "ended";
  /** One sentence for people. */
  readonly reason: string;
}

/** Payload of a `started` frame. */
export function encodeStarted(started: Started): Uint8Array {
  return encodeObject(started);
}

/** @throws {ProtocolError} `message` */
export function decodeStarted(payload: Uint8Array): Started {
  const { ignored = [] } = parseObject(payload);
  const isNames = Array.isArray(ignored) && ignored.length <= MAX_VARIABLES &&
    ignored.every((name) => typeof name === "string" && isVariableName(name));
  if (!isNames) throw new ProtocolError("message", "the names of variables are none");
  return { ignored };
}

/** Payload of an `exit` frame. */
export function encodeExit(exit: ProgramExit): Uint8Array {
  return encodeObject(exit);
}

/** @throws {ProtocolError} `message` */
export function decodeExit(payload: Uint8Array): ProgramExit {
  const { code, signal } = parseObject(payload);
  if (typeof signal === "string" && /^SIG[A-Z0-9+-]{1,12}$/.test(signal)) return { signal };
  const isCode = typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 255;
  if (isCode && signal === undefined) return { code };
  throw new ProtocolError("message", "an exit has neither a code nor a signal");
}

/** Payload of an `error` frame. */
export function encodeFailure({ code, reason }: SessionFailure): Uint8Array {
  return encodeObject({ code, reason: reason.slice(0, MAX_REASON_CHARACTERS) });
}

/** @throws {ProtocolError} `message` */
export function decodeFailure(payload: Uint8Array): SessionFailure {
  const { code, reason } = parseObject(payload);
  if (
    (code === "refused" || code === "failed" || code === "ended") && typeof reason === "string"
  ) return { code, reason: reason.slice(0, MAX_REASON_CHARACTERS) };
  throw new ProtocolError("message", "a failure has no reason");
}

/** Payload of a `resize` frame: columns and rows, 16 bits each. */
export function encodeSize({ columns, rows }: TerminalSize): Uint8Array {
  return new Uint8Array([columns >> 8, columns, rows >> 8, rows]);
}

/** @throws {ProtocolError} `frame-length` or `message` */
export function decodeSize(payload: Uint8Array): TerminalSize {
  const view = viewOf(payload, 4, "size");
  const [columns, rows] = [view.getUint16(0), view.getUint16(2)];
  if (isSize(columns) && isSize(rows)) return { columns, rows };
  throw new ProtocolError("message", "a terminal has at least one column and row");
}

/** Payload of a `credit` frame: bytes, 32 bits. */
export function encodeCredit(bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, bytes);
  return payload;
}

/** @throws {ProtocolError} `frame-length` */
export function decodeCredit(payload: Uint8Array): number {
  return viewOf(payload, 4, "credit").getUint32(0);
}

/** Payload of a `signal` frame: the name in ASCII. */
export function encodeSignal(signal: typeof SIGNALS[number]): Uint8Array {
  return new TextEncoder().encode(signal);
}

/** @throws {ProtocolError} `message` */
export function decodeSignal(payload: Uint8Array): Deno.Signal {
  const text = new TextDecoder().decode(payload.subarray(0, 16));
  const signal = SIGNALS.find((name) => name === text);
  if (signal !== undefined) return `SIG${signal}` as Deno.Signal;
  throw new ProtocolError("message", "a signal that does not travel");
}

function viewOf(payload: Uint8Array, length: number, what: string): DataView {
  if (payload.length === length) {
    return new DataView(payload.buffer, payload.byteOffset, payload.length);
  }
  throw new ProtocolError("frame-length", `a ${what} has ${length} bytes, not ${payload.length}`);
}
