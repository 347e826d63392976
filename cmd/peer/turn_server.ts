import { parseTurnUri, TurnUriError } from "../../lib/endpoint/relay/server.ts";
import { isIp } from "../../lib/ip/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import { checkedAddress } from "./target.ts";

/**
 * Checks what `-t` names: a URI (RFC 7065) such as `turns:turn.example.org?transport=tcp`, or
 * `host`, `host:port`, `[ipv6]:port`, which stand for `turn:`.
 *
 * @returns the URI
 * @throws {UsageError} when it is neither
 */
export function checkedTurnUri(text: string): string {
  // "turn:3478" is a host of that name and its port.
  const isUri = /^turns?:(?!\d+$)/.test(text);
  if (!isUri) checkedAddress(text);
  const host = text.includes(":") && isIp(text) ? `[${text}]` : text;
  const uri = isUri ? text : `turn:${host}`;
  try {
    parseTurnUri(uri);
    return uri;
  } catch (error) {
    if (!(error instanceof TurnUriError)) throw error;
    throw new UsageError(
      `expects HOST, HOST:PORT or turn(s):HOST[:PORT][?transport=udp|tcp], not ${
        JSON.stringify(text)
      }`,
    );
  }
}
