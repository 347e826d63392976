import type { NetcheckOptions } from "../../lib/endpoint/netcheck/mod.ts";
import type { EndpointOptions } from "../../mod.ts";
import { configDirectory } from "../tool/config_directory.ts";
import type { OptionValues } from "../tool/option.ts";
import { bootstrapNodes } from "./network.ts";
import type { NetworkOptions } from "./network_table.ts";
import { turnServers } from "./turn_account.ts";

/**
 * How the options want the network to be used.
 *
 * @throws {UsageError} when options contradict one another
 * @throws {ToolError} usage, when the password's file cannot be used
 */
export async function networkOptions(
  values: OptionValues<NetworkOptions>,
): Promise<Omit<EndpointOptions, "identity"> & NetcheckOptions> {
  const restricted = values.interface.length > 0 || values.bootstrap.length > 0;
  return {
    bootstrap: bootstrapNodes(values.bootstrap, values.interface),
    discovery: !values["no-discovery"],
    transport: values.transport ?? "auto",
    stun: values.stun,
    turn: await turnServers(values),
    relayOnly: values["relay-only"],
    portMapping: !values["no-upnp"],
    ...(values.interface.length > 0 ? { interfaces: values.interface } : {}),
    // Nodes of a private network are of no use in the public one, nor the other way round.
    ...(restricted ? {} : { stateFile: `${configDirectory()}/nodes` }),
  };
}
