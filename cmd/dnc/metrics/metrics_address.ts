import { ipScope, isIp } from "../../../lib/ip/mod.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { type ListenAddress, parseDynamicForward } from "../forward/forward_spec.ts";
import { parseSocketPath } from "../service/service.ts";

/** Before the path of a socket. */
const SOCKET_PREFIX = "unix:";

/**
 * Reads the argument of `--metrics`: `[HOST:]PORT` of this machine, or `unix:/PATH`. They tell
 * whoever asks how much is going on, so nobody from outside may.
 *
 * @throws {UsageError}
 */
export function parseMetricsAddress(text: string): ListenAddress {
  if (text.startsWith(SOCKET_PREFIX)) {
    return { kind: "unix", path: parseSocketPath(text.slice(SOCKET_PREFIX.length)) };
  }
  const address = parseDynamicForward(text);
  if (address.kind === "tcp" && !isLocal(address.host)) {
    throw new UsageError(
      `expects an address of this machine alone, such as 127.0.0.1:9464, or unix:/PATH, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return address;
}

function isLocal(host: string): boolean {
  return isIp(host) ? ipScope(host) === "loopback" : host === "localhost";
}
