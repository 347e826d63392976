import { invocation, shellLine } from "../tool/invocation.ts";
import type { OptionValues } from "../tool/option.ts";
import type { DncOptions } from "./options.ts";
import { loopbackOnly } from "./network.ts";
import type { Target } from "./target.ts";

/**
 * The exact command with which another machine reaches this one: with the DHT nodes that we start
 * from, and with the loopback interface if that is all we use. Other interfaces bear other names
 * over there.
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
    ...(loopbackOnly(values.interface) ? values.interface.flatMap((n) => ["--interface", n]) : []),
  ]);
}
