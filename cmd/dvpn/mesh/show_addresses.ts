import { ownIdentity } from "../../peer/own_identity.ts";
import { ExitCode } from "../../tool/exit_code.ts";
import type { OptionValues } from "../../tool/option.ts";
import { writeOutput } from "../../tool/output.ts";
import type { DvpnOptions } from "../options.ts";
import { meshSettings } from "../settings.ts";
import { memberAddress6, memberAddresses4 } from "./member_addresses.ts";

/**
 * `dvpn --address ID`: a member's addresses, one a line. IPv4 for members that are listed, and for
 * ourselves.
 *
 * @returns the exit code
 * @throws {ToolError} when options contradict one another, or our identity cannot be used
 */
export async function showAddresses(
  values: OptionValues<DvpnOptions>,
  id: string,
): Promise<number> {
  const network = meshSettings(values);
  const own = await ownIdentity(values);
  const ipv4 = memberAddresses4(network, [own.id, ...values.member]).get(id);
  if (ipv4 !== undefined) writeOutput(`${ipv4.ip}\n`);
  writeOutput(`${memberAddress6(network, id).ip}\n`);
  return ExitCode.ok;
}
