import type { VerifiedChain } from "../../../lib/identity/mod.ts";
import type { OptionValues } from "../../tool/option.ts";
import type { DvpnOptions } from "../options.ts";
import { meshSettings } from "../settings.ts";
import type { VpnContext } from "../vpn_context.ts";
import { Mesh } from "./mesh.ts";
import { Roster } from "./roster.ts";

/**
 * What a command line with `--mesh` asks for.
 *
 * @param authorize why a device is not let in; absent: all are
 * @throws {UsageError}
 */
export function createMesh(
  context: VpnContext,
  values: OptionValues<DvpnOptions>,
  authorize: (peer: VerifiedChain) => string | undefined = () => undefined,
): Mesh {
  const network = meshSettings(values);
  const roster = new Roster(network, context.endpoint.id, values.member, context.families);
  return new Mesh(context, {
    name: network.name,
    roster,
    authorize,
    timeoutMs: values.timeout,
  });
}
