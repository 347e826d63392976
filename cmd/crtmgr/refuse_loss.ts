import { IdentityError } from "../../lib/identity/mod.ts";
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

/** A certificate and those of its signers. */
export const CHAIN: Replaced = { name: "certificates", label: "CERTIFICATE", most: Infinity };

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
  if (others.length === 0) return;
  throw new IdentityError(
    "exists",
    `${path} holds more than ${replaced.name}: ${others.join(", ")}, which would be lost; ` +
      `give -o FILE`,
  );
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
