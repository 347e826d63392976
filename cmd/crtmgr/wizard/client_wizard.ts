import {
  createAuthority,
  createDevice,
  decodeCertificate,
  type Identity,
  readCertificateFile,
  renewDevice,
  replaceCertificateFile,
} from "../../../lib/identity/mod.ts";
import { shellLine } from "../../tool/invocation.ts";
import { replaceableFile } from "../../tool/replaceable_file.ts";
import { completeIdentity, describeStored } from "../complete_identity.ts";
import { exists, makeDirectory } from "../new_file.ts";
import { refuseLossOfCertificates } from "../refuse_loss.ts";
import { registerIssued } from "../issued.ts";
import { SERVER_FILES } from "../server_setup.ts";
import { explained, loadIdentityFiles, type SigningAuthority } from "../signer.ts";
import { clientSettings } from "./dnc_settings.ts";
import { askConfiguration, writeConfiguration } from "./existing_configuration.ts";
import { askNetwork, writePassword } from "./network_questions.ts";
import { SERVER_FOLDER } from "./server_wizard.ts";
import { installSshBlock, sshBlock } from "./ssh_block.ts";
import {
  askName,
  describeStep,
  folderAnswer,
  homeOf,
  type WizardContext,
} from "./wizard_context.ts";

const TITLE = `The configuration of dnc as a client: dnc -d FILE ID
Written by crtmgr --interactive, which keeps your comments when it changes it.`;

/** Asks what a client is to be, then makes its files, and says how to go on. */
export async function clientWizard(context: WizardContext): Promise<void> {
  const { questions } = context;
  const home = homeOf(context);
  const serverAuthority = await askAuthority(context);
  const question = "Folder for keys and configuration";
  const folder = await questions.ask(question, `${home}/.dnc`, folderAnswer(context));
  const certificate = `${folder}/certificate`;
  const present = await exists(`${certificate}.crt`);
  const replace = serverAuthority !== undefined && present &&
    await askReplacement(context, `${certificate}.crt`, serverAuthority.identity);
  const configuration = await askConfiguration(context, `${folder}/config.yml`);
  const wantsSsh = await questions.confirm("Set up ssh, so that it reaches dnc/ID?", true);
  const name = present ? Deno.hostname() : await askName(context);
  const network = configuration.change
    ? await askNetwork(context, configuration.values, folder)
    : undefined;

  await makeDirectory(folder, 0o700);
  if (replace) await replaceCertificate(`${certificate}.crt`, serverAuthority);
  const device = await completeIdentity(certificate, context.passphrase, async (secretKey) => {
    const authority = serverAuthority ?? await ownAuthority(context, folder, name);
    const identity = await createDevice(name, authority.identity, { secretKey });
    await registerIssued(authority.certificate, identity.chain[0]!);
    return identity;
  });
  if (network !== undefined) {
    await writePassword(network);
    const files = { certificate: `${certificate}.crt`, privateKey: `${certificate}.pem` };
    await writeConfiguration(configuration, TITLE, clientSettings({ ...network, ...files }));
  }
  const dnc = [...context.dnc, "-d", configuration.path];
  const ssh = wantsSsh && await installSshBlock(home, sshBlock(shellLine(dnc)));

  questions.say("");
  questions.say(describeStored("device", device));
  questions.say(`${network ? "written" : "kept"}: configuration ${configuration.path}`);
  if (wantsSsh) questions.say(`${ssh ? "written" : "kept"}: Host dnc/* in ${home}/.ssh/config`);
  questions.say(`\nThis device's id: ${device.identity.id}\n\nNext, with the server's id for ID:`);
  if (wantsSsh) {
    questions.say(describeStep("log in", "ssh", "USER@dnc/ID"));
    questions.say(describeStep("copy a file", "scp", "FILE", "USER@ID.dnc:"));
  }
  questions.say(describeStep("or pipe through the server's service", ...dnc, "ID"));
  if (serverAuthority === undefined) {
    questions.say(`A server for signed devices alone: its administrator signs ${certificate}.crt`);
  }
}

/** The server's CA, if it is to sign this client's certificate; asks where it is, if need be. */
async function askAuthority(
  { questions, passphrase }: WizardContext,
): Promise<SigningAuthority | undefined> {
  const usual = `${SERVER_FOLDER}/${SERVER_FILES.authority}`;
  const isHere = await canRead(`${usual}.pem`);
  const wanted = await questions.confirm(
    "Have the server's CA, on this machine, sign this client's certificate?",
    isHere,
  );
  if (!wanted) return undefined;
  const load = async (path: string) => {
    const certificate = `${path}.crt`;
    const identity = await explained(() =>
      loadIdentityFiles(certificate, `${path}.pem`, passphrase)
    );
    return { identity, certificate };
  };
  if (isHere) return await load(usual);
  const folder = usual.slice(0, usual.lastIndexOf("/"));
  return await questions.ask(
    "Folder with its ca-server.crt and ca-server.pem",
    folder,
    (answer) => load(`${answer.replace(/\/+$/, "")}/ca-server`),
  );
}

/** The client's own CA, as `ca.crt` and `ca.pem`. */
async function ownAuthority(
  { passphrase }: WizardContext,
  folder: string,
  name: string,
): Promise<SigningAuthority> {
  const certify = (secretKey: Uint8Array) => createAuthority(`${name} CA`, { secretKey });
  const { identity, path } = await completeIdentity(`${folder}/ca`, passphrase, certify);
  return { identity, certificate: `${path}.crt` };
}

/** Whether to replace a certificate that another CA signed. */
async function askReplacement(
  { questions }: WizardContext,
  path: string,
  authority: Identity,
): Promise<boolean> {
  const chain = await readCertificateFile(path);
  if (chain.some((der) => decodeCertificate(der).id === authority.id)) return false;
  const question = `${path} is not signed by that CA. Replace it, under the same key and id?`;
  return await questions.confirm(question, true);
}

/** Has a CA sign the key of a certificate that exists. */
async function replaceCertificate(path: string, authority: SigningAuthority): Promise<void> {
  const [leaf] = await readCertificateFile(path);
  await refuseLossOfCertificates(path);
  const chain = await renewDevice(leaf!, authority.identity);
  await replaceCertificateFile(await replaceableFile(path), chain);
  await registerIssued(authority.certificate, chain[0]!);
}

async function canRead(path: string): Promise<boolean> {
  try {
    (await Deno.open(path)).close();
    return true;
  } catch {
    return false;
  }
}
