import { UsageError } from "../tool/exit_code.ts";

/** The kernel puts the first free number there. */
export const DEFAULT_DEVICE = "dvpn%d";

/**
 * Checks the name of an interface: at most 15 bytes (IFNAMSIZ), and nothing that has a meaning in a
 * path or a command.
 *
 * @throws {UsageError}
 */
export function deviceName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(text)) return text;
  throw new UsageError(
    `expects a name of up to 15 letters and digits, not ${JSON.stringify(text)}`,
  );
}
