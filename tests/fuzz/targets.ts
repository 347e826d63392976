import { DECODERS } from "./decoders.ts";
import { fileDecoders } from "./files.ts";
import { hybridHandshake } from "./hybrid_handshake.ts";
import { NETCAT_PROTOCOLS } from "./netcat_protocols.ts";
import { SESSION_PATHS } from "./session_paths.ts";
import { SHELL_PROTOCOLS } from "./shell_protocols.ts";
import { signallingMessages } from "./signalling.ts";
import { STATE_MACHINES } from "./state_machines.ts";
import type { FuzzTarget } from "./target.ts";
import { TUNNEL_PROTOCOLS } from "./tunnel_protocols.ts";

/** Everything that takes bytes from strangers. */
export async function allTargets(): Promise<readonly FuzzTarget[]> {
  return [
    ...DECODERS,
    ...NETCAT_PROTOCOLS,
    ...SHELL_PROTOCOLS,
    ...TUNNEL_PROTOCOLS,
    ...await fileDecoders(),
    ...STATE_MACHINES,
    ...SESSION_PATHS,
    ...await hybridHandshake(),
    ...await signallingMessages(),
  ];
}
