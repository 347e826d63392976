import { ExitCode } from "../../tool/exit_code.ts";
import { invocation } from "../../tool/invocation.ts";
import type { CommandContext } from "../commands.ts";
import { standardConsole } from "../../tool/console.ts";
import { passphraseSource } from "../../tool/key_passphrase.ts";
import { clientWizard } from "./client_wizard.ts";
import { Questions } from "./questions.ts";
import { serverWizard } from "./server_wizard.ts";
import type { WizardContext } from "./wizard_context.ts";

/**
 * `crtmgr --interactive`: asks what this machine is to be, and makes its keys, certificates and
 * configuration. Nothing is written before the last answer. Upstream's questions come first and in
 * its order, so that answers from a script fit; the end of input takes the defaults.
 *
 * @throws {ToolError}
 */
export async function runWizard({ values, entry }: CommandContext): Promise<number> {
  const questions = new Questions(standardConsole());
  const context: WizardContext = {
    questions,
    passphrase: passphraseSource(values["key-pass-file"]),
    home: Deno.env.get("HOME") || Deno.env.get("USERPROFILE") || undefined,
    dnc: invocation("dnc", entry.replace(/crtmgr\.ts$/, "dnc.ts")),
    crtmgr: invocation("crtmgr", entry),
  };
  questions.say("Setting up dhtnet on this machine. Enter alone takes what is in [brackets].\n");
  const role = await questions.choose(
    "What is it to be?",
    ["client", "server"],
    "client",
  );
  await (role === "server" ? serverWizard(context) : clientWizard(context));
  return ExitCode.ok;
}
