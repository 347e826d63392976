import type { TerminalSize } from "../../../lib/net/pty.ts";
import { MAX_MESSAGE_BYTES } from "./frame.ts";
import { isSize, parseObject } from "./json_message.ts";
import { ProtocolError } from "./protocol_error.ts";

/** Version of the protocol; a server declines what it does not know. */
export const PROTOCOL_VERSION = 1;
/** Name of a channel that carries a session. */
export const SESSION_CHANNEL = "dsh://session";

/** Most environment variables in a request. */
export const MAX_VARIABLES = 64;
/** Longest value of one, characters. */
const MAX_VALUE_CHARACTERS = 4096;
/** Longest command, characters: with room for the rest of a message. */
export const MAX_COMMAND_CHARACTERS = 32 * 1024;

/** What a client wants to have run. */
export interface SessionRequest {
  /** A line for the shell; undefined for the shell itself. */
  readonly command: string | undefined;
  /** The program that the client would like instead of the shell (`-s`). */
  readonly binary: string | undefined;
  /** The client's terminal; undefined to run without one. */
  readonly terminal: RequestedTerminal | undefined;
  /** Variables that the client would like to be set. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Keep the session under this name when the client is gone, or go on with the one that there is. */
  readonly kept: KeptSession | undefined;
}

/** The terminal that a session is to have. */
export interface RequestedTerminal extends TerminalSize {
  /** TERM, for example `xterm-256color`. */
  readonly type: string;
}

/** A session that stays while its client is gone. */
export interface KeptSession {
  /** What the user calls it. */
  readonly name: string;
  /** Whether it must be there already, or must not. */
  readonly mode: "new" | "attach";
}

/** Whether a text may be the name of a variable. */
export function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text);
}

/** Whether a text may be the type of a terminal. */
export function isTerminalType(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(text);
}

/** Whether a text may be the name of a kept session. */
export function isSessionName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text);
}

/**
 * The payload of a request.
 *
 * @throws {ProtocolError} `frame-length` when it is longer than a message may be
 */
export function encodeSessionRequest(request: SessionRequest): Uint8Array {
  const bytes = new TextEncoder().encode(
    JSON.stringify({ version: PROTOCOL_VERSION, ...request }),
  );
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes;
  throw new ProtocolError(
    "frame-length",
    `the command and its environment are longer than ${MAX_MESSAGE_BYTES} bytes`,
  );
}

/**
 * Reads a request.
 *
 * @throws {ProtocolError} `message`, whatever the bytes
 */
export function decodeSessionRequest(payload: Uint8Array): SessionRequest {
  const { version, command, binary, terminal, environment = [], kept } = parseObject(payload);
  if (version !== PROTOCOL_VERSION) {
    throw wrong(`version ${JSON.stringify(version)} is not known here, ${PROTOCOL_VERSION} is`);
  }
  return {
    command: optional("command", command, isLine),
    binary: optional("binary", binary, isLine),
    terminal: terminal === undefined ? undefined : decodeTerminal(terminal),
    environment: decodeEnvironment(environment),
    kept: kept === undefined ? undefined : decodeKept(kept),
  };
}

function decodeTerminal(terminal: unknown): RequestedTerminal {
  const { columns, rows, type } = fieldsOf(terminal, "terminal");
  if (!isSize(columns) || !isSize(rows)) throw wrong("the terminal has no size");
  if (typeof type !== "string" || !isTerminalType(type)) throw wrong("the terminal has no type");
  return { columns, rows, type };
}

function decodeEnvironment(environment: unknown): SessionRequest["environment"] {
  if (!Array.isArray(environment) || environment.length > MAX_VARIABLES) {
    throw wrong(`the environment is no list of at most ${MAX_VARIABLES}`);
  }
  return environment.map((entry: unknown) => {
    const [name, value] = Array.isArray(entry) ? entry : [];
    if (typeof name !== "string" || !isVariableName(name)) throw wrong("a variable has no name");
    if (typeof value !== "string" || !isValue(value)) throw wrong(`${name} has no proper value`);
    return [name, value] as const;
  });
}

function decodeKept(kept: unknown): KeptSession {
  const { name, mode } = fieldsOf(kept, "kept session");
  if (typeof name !== "string" || !isSessionName(name)) throw wrong("a kept session has no name");
  if (mode !== "new" && mode !== "attach") throw wrong("a kept session is new or there");
  return { name, mode };
}

function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw wrong(`the ${what} is no object`);
}

function optional(
  name: string,
  value: unknown,
  accept: (text: string) => boolean,
): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && accept(value)) return value;
  throw wrong(`the ${name} is no proper text`);
}

function isLine(text: string): boolean {
  return text.length > 0 && text.length <= MAX_COMMAND_CHARACTERS && !text.includes("\0");
}

function isValue(text: string): boolean {
  return text.length <= MAX_VALUE_CHARACTERS && !text.includes("\0");
}

function wrong(message: string): ProtocolError {
  return new ProtocolError("message", message);
}
