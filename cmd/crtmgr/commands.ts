import { nearest } from "../../lib/config/suggestion.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { OptionValues } from "../tool/option.ts";
import type { CrtmgrOptions } from "./options.ts";
import { explained } from "./signer.ts";

/** What a command works with. */
export interface CommandContext {
  readonly values: OptionValues<CrtmgrOptions>;
  /** Its arguments, as many as it takes. */
  readonly operands: readonly string[];
  /** URL of the module that this process was started from. */
  readonly entry: string;
}

/** Something that `crtmgr` does. */
interface Command {
  /** How many arguments it takes: at least, at most. */
  readonly operands: readonly [number, number];
  /** What they are, for messages. */
  readonly operandName: string;
  /** The options that mean something to it. */
  readonly options: readonly (keyof CrtmgrOptions)[];
  /** Loads what does it; only what a run needs, because libraries take their time. */
  load(): Promise<(context: CommandContext) => Promise<number>>;
}

/** Commands by the word that comes first. */
const COMMANDS: Record<string, Command> = {
  show: {
    operands: [1, Infinity],
    operandName: "FILE",
    options: ["json", "key-pass-file"],
    load: async () => (await import("./show.ts")).show,
  },
  verify: {
    operands: [1, Infinity],
    operandName: "CERTIFICATE",
    options: ["ca", "crl", "json"],
    load: async () => (await import("./verify.ts")).verify,
  },
  revoke: {
    operands: [0, Infinity],
    operandName: "CERTIFICATE, serial number or id",
    options: ["certificate", "privatekey", "output", "reason", "days", "key-pass-file"],
    load: async () => (await import("./revoke.ts")).revoke,
  },
  revocations: {
    operands: [1, Infinity],
    operandName: "CRL",
    options: ["ca", "json"],
    load: async () => (await import("./revocations.ts")).revocations,
  },
  renew: {
    operands: [1, 1],
    operandName: "CERTIFICATE",
    options: ["certificate", "privatekey", "output", "days", "key-pass-file"],
    load: async () => (await import("./renew.ts")).renew,
  },
  rotate: {
    operands: [1, 1],
    operandName: "CERTIFICATE",
    options: ["certificate", "privatekey", "output", "name", "days", "key-pass-file"],
    load: async () => (await import("./rotate.ts")).rotate,
  },
  encrypt: {
    operands: [1, 1],
    operandName: "KEY",
    options: ["output", "key-pass-file"],
    load: async () => (await import("./key_encryption.ts")).encrypt,
  },
  decrypt: {
    operands: [1, 1],
    operandName: "KEY",
    options: ["output", "key-pass-file"],
    load: async () => (await import("./key_encryption.ts")).decrypt,
  },
};

/** What options alone ask for, as upstream's do. */
const MODES: Record<"identifier" | "interactive" | "setup" | "create", Command> = {
  identifier: {
    operands: [0, 0],
    operandName: "",
    options: ["identifier", "certificate", "privatekey", "key-pass-file", "json"],
    load: async () => (await import("./show_id.ts")).showId,
  },
  interactive: {
    operands: [0, 0],
    operandName: "",
    options: ["interactive", "key-pass-file"],
    load: async () => (await import("./wizard/wizard.ts")).runWizard,
  },
  setup: {
    operands: [0, 0],
    operandName: "",
    options: ["setup", "output", "days", "key-pass-file"],
    load: async () => (await import("./server_setup.ts")).setup,
  },
  create: {
    operands: [0, 0],
    operandName: "",
    options: ["output", "name", "certificate", "privatekey", "days", "key-pass-file"],
    load: async () => (await import("./create.ts")).create,
  },
};

/**
 * Does what a command line asks for.
 *
 * @returns the exit code
 * @throws {ToolError}
 */
export async function runCommand(
  { values, positionals, given }: CommandLine<CrtmgrOptions>,
  entry: string,
): Promise<number> {
  const [word, ...operands] = positionals;
  const [name, command] = word === undefined ? modeOf(values) : [word, commandOf(word)];
  const [least, most] = command.operands;
  if (operands.length < least) throw new UsageError(`${name} needs a ${command.operandName}`);
  if (operands.length > most) throw new UsageError(`unexpected argument ${operands[most]}`);
  for (const option of given.keys()) {
    if (command.options.some((allowed) => allowed === option)) continue;
    throw new UsageError(`--${option} has no meaning with ${name}`);
  }
  const run = await command.load();
  return await explained(() => run({ values, operands, entry }));
}

function commandOf(word: string): Command {
  if (Object.hasOwn(COMMANDS, word)) return COMMANDS[word]!;
  const near = nearest(word, Object.keys(COMMANDS));
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new UsageError(`unknown command ${word}${hint}`);
}

function modeOf(values: OptionValues<CrtmgrOptions>): [string, Command] {
  const given = (["identifier", "interactive", "setup"] as const).filter((mode) => values[mode]);
  if (given.length > 1) {
    throw new UsageError(`give one of ${given.map((mode) => `--${mode}`).join(", ")}`);
  }
  const [mode] = given;
  if (mode !== undefined) return [`--${mode}`, MODES[mode]];
  if (values.output === undefined) {
    throw new UsageError("nothing to do: give -i, -o DIR, -a or a command such as show");
  }
  return ["-o", MODES.create];
}
