import { UsageError } from "../tool/exit_code.ts";
import { isSessionName, isVariableName } from "./protocol/session_request.ts";

/** A variable to set; without a value it is the one of this process. */
export interface Variable {
  readonly name: string;
  readonly value: string | undefined;
}

/**
 * Reads `NAME` or `NAME=VALUE`.
 *
 * @throws {UsageError} when it is neither
 */
export function variable(text: string): Variable {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  if (!isVariableName(name)) {
    throw new UsageError(`expects NAME or NAME=VALUE, not ${JSON.stringify(text)}`);
  }
  return { name, value: at < 0 ? undefined : text.slice(at + 1) };
}

/**
 * Reads the name of a variable, or its beginning and `*`.
 *
 * @throws {UsageError} when it is neither
 */
export function variablePattern(text: string): string {
  if (text === "*" || isVariableName(text.replace(/\*$/, ""))) return text;
  throw new UsageError(`expects a name such as EDITOR or GIT_*, not ${JSON.stringify(text)}`);
}

/**
 * Reads the name of a kept session.
 *
 * @throws {UsageError} when it cannot be one
 */
export function sessionName(text: string): string {
  if (isSessionName(text)) return text;
  throw new UsageError(
    `expects a name of up to 64 letters, digits, _, . and -, not ${JSON.stringify(text)}`,
  );
}
