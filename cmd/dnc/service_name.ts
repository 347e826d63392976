import { formatTarget, parseTarget, type Target } from "../peer/target.ts";

/** How channels that `dnc` opens are named; without a target: the peer's standard streams. */
const SCHEME = "nc://";

/**
 * The channel name of a target: `nc://127.0.0.1:22`, `nc://[::1]:80`; `nc://` for the peer's
 * standard input and output.
 */
export function formatServiceName(target: Target | undefined): string {
  return target === undefined ? SCHEME : SCHEME + formatTarget(target);
}

/**
 * What a channel name asks for.
 *
 * @returns a target, `"standard-streams"`, or undefined when it is none of `dnc`'s names
 */
export function parseServiceName(name: string): Target | "standard-streams" | undefined {
  if (name === SCHEME) return "standard-streams";
  if (!name.startsWith(SCHEME)) return undefined;
  try {
    return parseTarget(name.slice(SCHEME.length));
  } catch {
    return undefined;
  }
}
