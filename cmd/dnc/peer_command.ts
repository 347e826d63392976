import { invocation, shellLine } from "../tool/invocation.ts";
import type { OptionValues } from "../tool/option.ts";
import type { DncOptions } from "./options.ts";
import { loopbackOnly } from "../peer/network.ts";
import { formatTarget } from "../peer/target.ts";
import type { ChannelPurpose } from "./service_name.ts";

/**
 * The exact command with which another machine reaches this one: with the DHT nodes that we start
 * from, the STUN and TURN servers, and the loopback interface if that is all we use. Other
 * interfaces bear other names over there. The TURN password is not in it: it comes from
 * DHTNET_TURN_PASS there.
 *
 * @param purpose what the command is to reach; undefined for our standard streams
 * @param entry URL of the module that this process was started from
 */
export function peerCommand(
  id: string,
  values: OptionValues<DncOptions>,
  purpose: ChannelPurpose | undefined,
  entry: string,
): string {
  return shellLine([
    ...invocation("dnc", entry),
    id,
    ...(purpose === undefined ? [] : wordsFor(purpose)),
    ...values.bootstrap.flatMap((address) => ["-b", address]),
    ...values.stun.flatMap((address) => ["--stun", address]),
    ...values.turn_host.flatMap((uri) => ["-t", uri]),
    ...(values.turn_user === undefined ? [] : ["-u", values.turn_user]),
    ...(values.turn_realm === undefined ? [] : ["-r", values.turn_realm]),
    ...(loopbackOnly(values.interface) ? values.interface.flatMap((n) => ["--interface", n]) : []),
  ]);
}

function wordsFor(purpose: ChannelPurpose): readonly string[] {
  switch (purpose.kind) {
    case "standard-streams":
      return [];
    case "unix":
      return ["-P", purpose.path];
    case "listen":
      return ["-R", `${formatTarget(purpose)}:127.0.0.1:${purpose.port}`];
    default:
      return [
        ...(purpose.kind === "udp" ? ["--udp"] : []),
        ...["-i", purpose.host, "-P", String(purpose.port)],
      ];
  }
}
