import { UsageError } from "../../tool/exit_code.ts";

/** The network of members that name none. */
export const DEFAULT_NETWORK = "dhtnet";

/**
 * Checks the name of a network: up to 64 letters, digits, dots, dashes and underscores.
 *
 * @throws {UsageError}
 */
export function networkName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw new UsageError(
    `expects a name of up to 64 letters, digits, dots and dashes, not ${JSON.stringify(text)}`,
  );
}
