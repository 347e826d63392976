import { parseTurnUri, type TurnServer } from "../../lib/endpoint/relay/server.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { OptionValues } from "../tool/option.ts";
import { readSecret } from "../tool/secret.ts";
import type { NetworkOptions } from "./network_table.ts";
import { readTurnAuthorities } from "./turn_ca.ts";

/** Environment variable with the password for the TURN servers. */
export const TURN_PASS_VARIABLE = "DHTNET_TURN_PASS";

/**
 * The TURN servers that the options name, with the account on them.
 *
 * @throws {UsageError} when an account lacks its server, its user or its password
 * @throws {ToolError} usage, when a file cannot be used
 */
export async function turnServers(
  values: OptionValues<NetworkOptions>,
): Promise<TurnServer[]> {
  const { turn_host, turn_user, turn_pass, turn_realm } = values;
  if (turn_host.length === 0) {
    const orphan = turnOptionsGiven(values)[0];
    if (orphan !== undefined) throw new UsageError(`${orphan} needs a TURN server: -t HOST`);
    return [];
  }
  const password = await readSecret({
    argument: turn_pass,
    file: values["turn-pass-file"],
  }, { argument: "-w", file: "--turn-pass-file" });
  if (turn_user === undefined) {
    const orphan = turnOptionsGiven(values).find((name) =>
      name !== "--relay-only" && name !== "--turn-ca"
    );
    if (orphan !== undefined) throw new UsageError(`${orphan} needs the user too: -u NAME`);
  } else if (password === undefined) {
    throw new UsageError(
      `-u needs the password too: set ${TURN_PASS_VARIABLE}, or give --turn-pass-file FILE`,
    );
  }
  // A server may ask for no account at all.
  const account = turn_user === undefined || password === undefined ? {} : {
    credentials: {
      username: turn_user,
      password,
      ...(turn_realm === undefined ? {} : { realm: turn_realm }),
    },
  };
  const authorities = values["turn-ca"] === undefined
    ? {}
    : { caCertificates: [await readTurnAuthorities(values["turn-ca"])] };
  return turn_host.map((uri) => ({ ...parseTurnUri(uri), ...account, ...authorities }));
}

/** Options that make no sense without a TURN server, as the user wrote them. */
function turnOptionsGiven(values: OptionValues<NetworkOptions>): string[] {
  return [
    ...(values.turn_user === undefined ? [] : ["-u"]),
    ...(values.turn_pass === undefined ? [] : ["-w"]),
    ...(values["turn-pass-file"] === undefined ? [] : ["--turn-pass-file"]),
    ...(values.turn_realm === undefined ? [] : ["-r"]),
    ...(values["turn-ca"] === undefined ? [] : ["--turn-ca"]),
    ...(values["relay-only"] ? ["--relay-only"] : []),
  ];
}
