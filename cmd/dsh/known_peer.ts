import { knownPeer } from "../peer/peer_names.ts";
import type { DshCommand } from "./run.ts";

/**
 * The command line with the id of the peer that it names, and the DHT nodes that are noted for it
 * unless others are given.
 *
 * @throws {ToolError} usage, when it names none
 */
export async function withKnownPeer(command: DshCommand): Promise<DshCommand> {
  const { values, positionals: [peer, ...words] } = command;
  if (peer === undefined || values.listen) return command;
  const { id, bootstrap } = await knownPeer(peer);
  const isNoted = bootstrap.length > 0 && values.bootstrap.length === 0;
  return {
    ...command,
    positionals: [id, ...words],
    values: isNoted ? { ...values, bootstrap } : values,
  };
}
