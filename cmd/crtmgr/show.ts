import {
  CertificateError,
  decodeCertificatePem,
  decodeKeyRotationPem,
  decodeRevocationListPem,
  formatId,
  IdentityError,
  publicKeyOf,
} from "../../lib/identity/mod.ts";
import { MAX_REVOCATION_LIST_BYTES } from "../../lib/identity/decode_revocation_list.ts";
import { readIdentityFile } from "../../lib/identity/identity_file.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import {
  describeCertificate,
  describeKeyRotation,
  describeRevocationList,
  type Description,
  renderDescription,
} from "./description.ts";
import { type PassphraseSource, passphraseSource } from "../tool/key_passphrase.ts";
import { readSecretKey } from "./signer.ts";

/** Largest file that is looked at, in characters: a revocation list of the greatest size as PEM. */
const MAX_CHARACTERS = 1.5 * MAX_REVOCATION_LIST_BYTES;

/** `crtmgr show`: what certificates, private keys, revocation lists and key rotations say. */
export async function show({ values, operands }: CommandContext): Promise<number> {
  const passphrase = passphraseSource(values["key-pass-file"]);
  for (const path of operands) {
    const found = await describeFile(path, passphrase);
    for (const [index, description] of found.entries()) {
      const place = found.length > 1 ? ` (${index + 1} of ${found.length})` : "";
      writeOutput(
        values.json
          ? jsonLine({ file: path, ...description.json })
          : `${path}${place}: ${renderDescription(description)}`,
      );
    }
  }
  return ExitCode.ok;
}

/** Everything in a file, in the order certificates, key, revocation lists, rotations. */
async function describeFile(path: string, passphrase: PassphraseSource): Promise<Description[]> {
  const text = await readIdentityFile(path, { secret: false, maxBytes: MAX_CHARACTERS });
  const holds = (label: string) => text.includes(`-----BEGIN ${label}-----`);
  const now = new Date();
  const found: Description[] = [];
  const add = (describe: () => Description[]) => found.push(...named(path, describe));
  if (holds("CERTIFICATE")) {
    add(() => decodeCertificatePem(text).map((der) => describeCertificate(der, now)));
  }
  const isEncrypted = holds("ENCRYPTED PRIVATE KEY");
  if (isEncrypted || holds("PRIVATE KEY")) {
    const id = formatId(publicKeyOf(await readSecretKey(path, passphrase)));
    found.push({
      title: "private key",
      fields: [["id", id], ["encrypted", isEncrypted ? "yes" : "no"]],
      json: { kind: "private key", id, encrypted: isEncrypted },
    });
  }
  if (holds("X509 CRL")) {
    add(() => decodeRevocationListPem(text).map((der) => describeRevocationList(der, now)));
  }
  if (holds("DHTNET KEY ROTATION")) {
    add(() => decodeKeyRotationPem(text).map(describeKeyRotation));
  }
  if (found.length > 0) return found;
  const message =
    `${path}: no certificate, private key, revocation list or key rotation in PEM form`;
  throw new ToolError(ExitCode.failure, message);
}

/** Tells in which file something is wrong. */
function named<T>(path: string, describe: () => T): T {
  try {
    return describe();
  } catch (cause) {
    if (!(cause instanceof CertificateError || cause instanceof IdentityError)) throw cause;
    throw new ToolError(ExitCode.failure, `${path}: ${cause.message}`, { cause });
  }
}
