import { loopbackOnly } from "../peer/network.ts";
import { invocation, shellLine } from "../tool/invocation.ts";
import type { OptionValues } from "../tool/option.ts";
import type { DshOptions } from "./options.ts";

/**
 * The exact command with which another machine gets a session here: with the DHT nodes that we
 * start from, the STUN and TURN servers, and the loopback interface if that is all we use.
 *
 * @param entry URL of the module that this process was started from
 */
export function peerCommand(id: string, values: OptionValues<DshOptions>, entry: string): string {
  return shellLine([
    ...invocation("dsh", entry),
    id,
    ...values.bootstrap.flatMap((address) => ["-b", address]),
    ...values.stun.flatMap((address) => ["--stun", address]),
    ...values.turn_host.flatMap((uri) => ["-t", uri]),
    ...(values.turn_user === undefined ? [] : ["-u", values.turn_user]),
    ...(values.turn_realm === undefined ? [] : ["-r", values.turn_realm]),
    ...(loopbackOnly(values.interface) ? values.interface.flatMap((n) => ["--interface", n]) : []),
  ]);
}
