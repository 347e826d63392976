import {
  createRevocationList,
  type Identity,
  writeRevocationListFile,
} from "../../../lib/identity/mod.ts";
import { formatTarget, parseTarget, type Target } from "../../peer/target.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { describeStored } from "../complete_identity.ts";
import { exists } from "../new_file.ts";
import { nextUpdateAfter, revocationListOf } from "../revocation_list_place.ts";
import { SERVER_FILES, setUpServer } from "../server_setup.ts";
import { serverSettings } from "./dnc_settings.ts";
import {
  askConfiguration,
  type ExistingConfiguration,
  writeConfiguration,
} from "./existing_configuration.ts";
import { askNetwork, writePassword } from "./network_questions.ts";
import { giveToService, hasService } from "./service_account.ts";
import { askName, describeStep, folderAnswer, type WizardContext } from "./wizard_context.ts";

/** Where upstream keeps a server's files. */
export const SERVER_FOLDER = "/etc/dhtnet";
/** What a new server offers: its ssh. */
const DEFAULT_SERVICE = "127.0.0.1:22";
/** Stands for services that are more than HOST:PORT. */
const UNCHANGED = "unchanged";
const TITLE = `The configuration of dnc as a server: dnc -l -d FILE
Written by crtmgr --interactive, which keeps your comments when it changes it.`;

/** Asks what a server is to be, then makes its files, and says how to go on. */
export async function serverWizard(context: WizardContext): Promise<void> {
  const { questions } = context;
  const question = "Folder for keys and configuration";
  const folder = await questions.ask(question, SERVER_FOLDER, folderAnswer(context));
  const configuration = await askConfiguration(context, `${folder}/dnc.yaml`);
  const hasIdentity = await exists(`${folder}/${SERVER_FILES.device}.pem`);
  const name = hasIdentity ? Deno.hostname() : await askName(context);
  const policy = configuration.change ? await askPolicy(context, configuration) : undefined;
  const network = configuration.change
    ? await askNetwork(context, configuration.values, folder)
    : undefined;

  const { authority, device } = await setUpServer(folder, name, context.passphrase);
  if (policy !== undefined && network !== undefined) {
    await writePassword(network);
    const passwordFile = network.turn?.passwordFile;
    if (passwordFile !== undefined) await giveToService(passwordFile);
    const revocationList = revocationListOf(`${folder}/${SERVER_FILES.authority}.crt`);
    if (authority !== undefined && !policy.anonymous) {
      await startRevocationList(revocationList, authority.identity);
    }
    const files = { certificate: `${device.path}.crt`, privateKey: `${device.path}.pem` };
    await writeConfiguration(
      configuration,
      TITLE,
      serverSettings({
        ...{ ...policy, ...network, ...files, revocationList },
        hasRevocationList: await exists(revocationList),
      }),
    );
  }
  questions.say("");
  if (authority !== undefined) questions.say(describeStored("CA", authority));
  questions.say(describeStored("device", device));
  questions.say(`${policy ? "written" : "kept"}: configuration ${configuration.path}`);
  questions.say(`\nThis server's id: ${device.identity.id}\n\nNext:`);
  questions.say(describeStep("start it", ...context.dnc, "-l", "-d", configuration.path));
  if (folder === SERVER_FOLDER && await hasService()) {
    questions.say(describeStep("or as a service", "systemctl", "enable", "--now", "dnc"));
  }
  questions.say(describeStep("on a client, once", ...context.crtmgr, "--interactive"));
  questions.say(describeStep("on the client, then", "ssh", `USER@dnc/${device.identity.id}`));
  if (authority !== undefined && policy?.anonymous === false) {
    const signer = ["-c", `${authority.path}.crt`, "-p", `${authority.path}.pem`];
    const renew = [...context.crtmgr, "renew", "CLIENT.crt", ...signer];
    const revoke = [...context.crtmgr, "revoke", "CLIENT.crt", ...signer];
    questions.say(describeStep("sign the certificate of a client, which gets it back", ...renew));
    questions.say(describeStep("turn a client away from now on", ...revoke));
  }
}

interface Policy {
  readonly anonymous: boolean;
  /** Undefined to leave those of the configuration. */
  readonly services: readonly Target[] | undefined;
}

async function askPolicy(
  { questions }: WizardContext,
  { values }: ExistingConfiguration,
): Promise<Policy> {
  const who = await questions.choose(
    "Who may connect: anyone who knows the id, or devices signed by its CA?",
    ["anyone", "signed"],
    values.get("anonymous") === false ? "signed" : "anyone",
  );
  const present = values.get("authorized_services");
  const preset = present === undefined ? DEFAULT_SERVICE : presentServices(present) ?? UNCHANGED;
  const services = await questions.ask(
    "What may they reach? HOST:PORT as this machine sees it",
    preset,
    (answer) => {
      if (answer === UNCHANGED && preset === UNCHANGED) return undefined;
      const targets = answer.split(/[\s,]+/).filter((word) => word !== "").map(parseTarget);
      if (targets.length === 0) throw new UsageError("please name one at least");
      return targets;
    },
  );
  return { anonymous: who === "anyone", services };
}

/** The services of a configuration as an answer; undefined when they are no list of HOST:PORT. */
function presentServices(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const texts = value.map((entry) => {
    const { ip, port, ...rest } = entry ?? {};
    const isPlain = typeof ip === "string" && typeof port === "number" &&
      Object.keys(rest).length === 0;
    return isPlain ? formatTarget({ host: ip, port }) : undefined;
  });
  return texts.includes(undefined) ? undefined : texts.join(" ");
}

/** An empty list: the server may begin before anybody is revoked. */
async function startRevocationList(path: string, authority: Identity): Promise<void> {
  if (await exists(path)) return;
  const now = new Date();
  const nextUpdate = nextUpdateAfter(now);
  const list = createRevocationList(authority, [], { number: 0, now, nextUpdate });
  await writeRevocationListFile(path, list);
}
