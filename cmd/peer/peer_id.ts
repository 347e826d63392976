import { parseId } from "../../lib/identity/id.ts";
import { IdentityError } from "../../lib/identity/identity_error.ts";
import { UsageError } from "../tool/exit_code.ts";

/**
 * A device's id, in lower case.
 *
 * @throws {UsageError} when it is none
 */
export function peerId(text: string): string {
  try {
    parseId(text);
  } catch (error) {
    if (error instanceof IdentityError) throw new UsageError(error.message);
    throw error;
  }
  return text.toLowerCase();
}

/** Whether a text has the form of an id; what else names a CA is its certificate's file. */
export function isIdText(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text);
}

/**
 * A CA: its id in lower case, or the name of the file with its certificate.
 *
 * @throws {UsageError} when it is neither
 */
export function authorityName(text: string): string {
  if (isIdText(text)) return peerId(text);
  if (text === "") throw new UsageError("expects an id, or the file of a CA's certificate");
  return text;
}
