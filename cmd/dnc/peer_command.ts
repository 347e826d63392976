import { invocation, shellLine } from "../tool/invocation.ts";
import type { OptionValues } from "../tool/option.ts";
import type { DncOptions } from "./options.ts";
import { loopbackOnly } from "../peer/network.ts";
import type { Target } from "../peer/target.ts";

/**
 * The exact command with which another machine reaches this one: with the DHT nodes that we start
 * from, the STUN and TURN servers, and the loopback interface if that is all we use. Other
 * interfaces bear other names over there. The TURN password is not in it: it comes from
 * DHTNET_TURN_PASS there.
 *
 * @param entry URL of the module that this process was started from
 */
export function peerCommand(
  id: string,
  values: OptionValues<DncOptions>,
  target: Target | undefined,
  entry: string,
): string {
  return shellLine([
    ...invocation("dnc", entry),
    id,
    ...(target === undefined ? [] : ["-i", target.host, "-P", String(target.port)]),
    ...values.bootstrap.flatMap((address) => ["-b", address]),
    ...values.stun.flatMap((address) => ["--stun", address]),
    ...values.turn_host.flatMap((uri) => ["-t", uri]),
    ...(values.turn_user === undefined ? [] : ["-u", values.turn_user]),
    ...(values.turn_realm === undefined ? [] : ["-r", values.turn_realm]),
    ...(loopbackOnly(values.interface) ? values.interface.flatMap((n) => ["--interface", n]) : []),
  ]);
}
