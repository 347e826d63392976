import {
  type Certificate,
  decodeCertificate,
  IdentityError,
  readCertificateFile,
  verify,
} from "../../lib/identity/mod.ts";
import { readIdentityFile } from "../../lib/identity/identity_file.ts";

/** A PEM block as a whole; its base64 has no dash. */
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** What a command writes anew in a file. */
interface Replaced {
  /** For messages. */
  readonly name: string;
  /** Of its PEM blocks. */
  readonly label: string;
  /** How many of them. */
  readonly most: number;
}

const CHAIN: Replaced = { name: "certificates", label: "CERTIFICATE", most: Infinity };

/** A private key that is not encrypted, and one that is. */
export const KEY: Replaced = { name: "one private key", label: "PRIVATE KEY", most: 1 };
export const ENCRYPTED_KEY: Replaced = { ...KEY, label: "ENCRYPTED PRIVATE KEY" };

/**
 * Makes sure that writing a file anew loses nothing: key and certificates may share a file, and what
 * is not written again would be gone.
 *
 * @throws {IdentityError} `exists`, when the file holds anything else; what reading it throws
 */
export async function refuseLoss(path: string, replaced: Replaced): Promise<void> {
  const others = othersIn(await readIdentityFile(path, { secret: false }), replaced);
  if (others.length > 0) throw lossOf(path, replaced, others);
}

/**
 * The same for the first certificate of a file and those of its signers, which are written again:
 * others may be there where a file lists the CAs that somebody trusts.
 *
 * @throws {IdentityError}, {CertificateError} as above, and for certificates of others
 */
export async function refuseLossOfCertificates(path: string): Promise<void> {
  await refuseLoss(path, CHAIN);
  const [leaf, ...others] = (await readCertificateFile(path)).map(decodeCertificate);
  let left = others;
  for (const chain = [leaf!]; chain.length > 0;) {
    const last = chain.pop()!;
    chain.push(...left.filter((one) => isSigner(one, last)));
    left = left.filter((one) => !isSigner(one, last));
  }
  if (left.length > 0) throw lossOf(path, CHAIN, ["one that did not sign the first"]);
}

function isSigner(one: Certificate, { issuerName, signed, signature }: Certificate): boolean {
  // Many a CA has the same name: only the signature tells them apart.
  return one.subjectName === issuerName && verify(one.publicKey, signed, signature);
}

function lossOf(path: string, { name }: Replaced, others: readonly string[]): IdentityError {
  const message = `${path} holds more than ${name}: ${others.join(", ")}, which would be lost; ` +
    `give -o FILE`;
  return new IdentityError("exists", message);
}

function othersIn(text: string, { label, most }: Replaced): string[] {
  const others = new Set<string>();
  let count = 0;
  const rest = text.replaceAll(BLOCK, (_, found: string) => {
    if (found !== label || ++count > most) others.add(nameOf(found));
    return "";
  });
  if (rest.trim() !== "") others.add("other text");
  return [...others];
}

function nameOf(label: string): string {
  if (label === "CERTIFICATE") return "a certificate";
  return label.endsWith("PRIVATE KEY") ? "a private key" : `a block ${label}`;
}
