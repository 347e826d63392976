import type { TerminalSize } from "../../../lib/net/pty.ts";
import type { Variable } from "../option_values.ts";
import {
  isTerminalType,
  isVariableName,
  type KeptSession,
  MAX_VARIABLES,
  type SessionRequest,
} from "../protocol/session_request.ts";

/** Type of a terminal that tells none, or an odd one. */
const DEFAULT_TERMINAL_TYPE = "xterm";
/** Variables that travel unasked. */
const UNASKED = /^(LANG|LC_[A-Z]+|COLORTERM)$/;

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
  return {
    command,
    binary,
    terminal: size === undefined ? undefined : {
      ...size,
      type: isTerminalType(type) ? type : DEFAULT_TERMINAL_TYPE,
    },
    environment: [...sent].slice(0, MAX_VARIABLES),
    kept,
  };
}
