import type { TerminalSize } from "../../../lib/net/pty.ts";
import { UsageError } from "../../tool/exit_code.ts";
import type { Variable } from "../option_values.ts";
import {
  decodeSessionRequest,
  encodeSessionRequest,
  isTerminalType,
  isVariableName,
  type KeptSession,
  MAX_COMMAND_CHARACTERS,
  MAX_VARIABLES,
  type SessionRequest,
} from "../protocol/session_request.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";

/** Type of a terminal that tells none, or an odd one. */
const DEFAULT_TERMINAL_TYPE = "xterm";
/** Variables that travel unasked. */
const UNASKED = /^(LANG|LC_[A-Z]+|COLORTERM)$/;

/** What to do with a command that is too long. */
const ELSEWHERE = "copy a script there with --put, or give it to `sh` by standard input";

/** What a request is made from. */
export interface Wish {
  readonly command: string | undefined;
  readonly binary: string | undefined;
  readonly kept: KeptSession | undefined;
  /** Size of the terminal to have there; undefined for none. */
  readonly size: TerminalSize | undefined;
  /** Variables that the user names. */
  readonly variables: readonly Variable[];
}

/**
 * The request for a session.
 *
 * @param environment of this process
 * @throws {UsageError} when it is one that peers refuse, whatever their rules
 */
export function sessionRequest(
  { command, binary, kept, size, variables }: Wish,
  environment: Readonly<Record<string, string>>,
): SessionRequest {
  const sent = new Map<string, string>();
  for (const { name, value = environment[name] } of variables) {
    if (value !== undefined) sent.set(name, value);
  }
  for (const [name, value] of Object.entries(environment)) {
    if (UNASKED.test(name) && isVariableName(name) && !sent.has(name)) sent.set(name, value);
  }
  const type = environment.TERM ?? "";
  return acceptable({
    command,
    binary,
    terminal: size === undefined ? undefined : {
      ...size,
      type: isTerminalType(type) ? type : DEFAULT_TERMINAL_TYPE,
    },
    environment: [...sent].slice(0, MAX_VARIABLES),
    kept,
  });
}

/** The request itself, if a peer can read it. */
function acceptable(request: SessionRequest): SessionRequest {
  const length = request.command?.length ?? 0;
  if (length > MAX_COMMAND_CHARACTERS) {
    throw new UsageError(
      `a command has at most ${MAX_COMMAND_CHARACTERS} characters, not ${length}: ${ELSEWHERE}`,
    );
  }
  try {
    decodeSessionRequest(encodeSessionRequest(request));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const advice = error.code === "frame-length" ? `: ${ELSEWHERE}` : "";
    throw new UsageError(`${error.message}${advice}`);
  }
  return request;
}
