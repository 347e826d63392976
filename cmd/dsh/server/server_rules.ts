import type { Identity } from "../../../lib/identity/mod.ts";
import type { TrustDefaults } from "../../peer/trust.ts";
import type { DshCommand } from "../run.ts";
import { allowedRoot } from "../transfer/server/allowed_root.ts";
import type { FileRules } from "../transfer/server/file_service.ts";
import { Accounts } from "./accounts.ts";
import { ACCEPTED_VARIABLES } from "./session_environment.ts";
import type { SessionRules } from "./session_service.ts";

const DEFAULT_MAX_SESSIONS = 100;
const DEFAULT_KEEP_MS = 24 * 3_600_000;
/** Long enough to read back what an interrupted transfer has left of a terabyte. */
const TRANSFER_IDLE_MS = 3_600_000;

/** What the owner of a server says that peers may do. */
export interface ServerRules {
  readonly sessions: SessionRules;
  readonly files: FileRules;
}

/** Who may connect to a server where nothing is said about it: devices of its own CA. */
export function trustDefaults(identity: Identity): TrustDefaults {
  return { identity, anonymous: false };
}

/**
 * Reads the rules of a command line.
 *
 * @param authorities tells the CAs whose devices may connect now, see {@linkcode Accounts.of}
 * @throws {ToolError} usage, when a user is none
 */
export async function readRules(
  { values, given }: DshCommand,
  authorities: () => readonly string[],
): Promise<ServerRules> {
  // A list that has become empty must not open what a longer one kept shut.
  const users = given.has("user") ? values.user : undefined;
  const accounts = await Accounts.of(users, authorities);
  return {
    sessions: {
      policy: {
        binary: values.binary,
        forcedCommand: values["forced-command"],
        allowedCommands: given.has("allow-command") ? values["allow-command"] : undefined,
      },
      accounts,
      acceptedVariables: [...ACCEPTED_VARIABLES, ...values["accept-env"]],
      maxSessions: values["max-sessions"] ?? DEFAULT_MAX_SESSIONS,
      idleTimeoutMs: values["idle-timeout"],
      keepMs: values["no-keep"] ? 0 : values["keep-sessions"] ?? DEFAULT_KEEP_MS,
    },
    files: {
      root: allowedRoot(values.files),
      isReadOnly: values["files-read-only"],
      accounts,
      idleTimeoutMs: values["idle-timeout"] ?? TRANSFER_IDLE_MS,
    },
  };
}
