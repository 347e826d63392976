import { writeSecret } from "../../../lib/net/atomic_file.ts";
import { checkedAddress } from "../../peer/target.ts";
import { checkedTurnUri } from "../../peer/turn_server.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import type { TurnAnswer } from "./dnc_settings.ts";
import type { WizardContext } from "./wizard_context.ts";

/** The public DHT's node, as upstream's configuration names it. */
const DEFAULT_BOOTSTRAP = "bootstrap.sfl.io";
/** What the user answers to have none of something that there is. */
const NONE = "none";

/** How a device finds others. */
export interface NetworkAnswers {
  /** `HOST[:PORT]` each. */
  readonly bootstrap: readonly string[];
  readonly turn: TurnAnswer | undefined;
  /** The relay's password, to be written where {@linkcode TurnAnswer.passwordFile} says. */
  readonly password: string | undefined;
}

/**
 * Asks for the bootstrap node and the relay.
 *
 * @param values what the configuration says so far: the answers that an empty line stands for
 * @param folder where the password's file is to be
 */
export async function askNetwork(
  { questions }: WizardContext,
  values: ReadonlyMap<string, unknown>,
  folder: string,
): Promise<NetworkAnswers> {
  const bootstrap = await questions.ask(
    "DHT node to start from, HOST[:PORT]",
    words(values.get("bootstrap")).join(" ") || DEFAULT_BOOTSTRAP,
    (answer) => words(answer).map(checkedAddress),
  );
  const hosts = await questions.ask(
    "Relay (TURN server), HOST[:PORT] or turn: URI",
    words(values.get("turn_host")).join(" ") || NONE,
    (answer) => answer.toLowerCase() === NONE ? [] : words(answer).map(checkedRelay),
  );
  if (hosts.length === 0) return { bootstrap, turn: undefined, password: undefined };
  const known = words(values.get("turn_user"))[0];
  const name = await questions.ask("User on the relay", known ?? NONE, (answer) => answer);
  if (name.toLowerCase() === NONE) {
    const turn = { hosts, user: undefined, passwordFile: undefined };
    return { bootstrap, turn, password: undefined };
  }
  const unchanged = name === known &&
    ["turn_pass", "turn_pass_file"].some((key) => values.has(key));
  const password = await questions.secret(
    `Password of ${name}${unchanged ? " (empty: the present one)" : ""}`,
  );
  if (password === undefined && !unchanged) {
    throw new ToolError(ExitCode.usage, `the relay's user ${name} needs a password`);
  }
  const passwordFile = password === undefined ? undefined : `${folder}/turn-password`;
  return { bootstrap, turn: { hosts, user: name, passwordFile }, password };
}

/**
 * Writes the relay's password, if there is a new one, for its owner's eyes only.
 *
 * @throws {NetError} `file`
 */
export async function writePassword({ turn, password }: NetworkAnswers): Promise<void> {
  const path = turn?.passwordFile;
  if (path === undefined || password === undefined) return;
  await writeSecret(path, new TextEncoder().encode(`${password}\n`));
}

/** A relay as the user writes it. */
function checkedRelay(text: string): string {
  checkedTurnUri(text);
  return text;
}

/** The words of a text, or the texts of a list, as configuration files may have either. */
function words(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? value.split(/[\s,]+/).filter((word) => word !== "") : [];
}
