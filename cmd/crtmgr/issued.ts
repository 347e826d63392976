import { decodeCertificate } from "../../lib/identity/mod.ts";
import { readBounded } from "../../lib/net/atomic_file.ts";
import { writeError } from "../tool/output.ts";

/** Longest register that is read, bytes: some 100,000 certificates. */
const MAX_REGISTER_BYTES = 32 * 1024 * 1024;

/** A certificate that a CA has signed. */
export interface IssuedCertificate {
  /** Lower-case hex, as in the certificate. */
  readonly serialNumber: string;
  /** Of the device. */
  readonly id: string;
  /** The certificate's common name. */
  readonly name: string;
  /** When it expires, ISO 8601. */
  readonly notAfter: string;
}

/** Path of the register of what a CA has signed: beside its certificate, `ca.issued` for `ca.crt`. */
export function registerOf(authorityCertificate: string): string {
  return `${authorityCertificate.replace(/\.[^./]*$/, "")}.issued`;
}

/**
 * Adds a certificate to its CA's register, one JSON object a line, mode 0600. So a device can be
 * revoked by its id when nobody has its certificate any more. A register that cannot be written is
 * no reason to fail: the certificate is there.
 */
export async function registerIssued(authorityCertificate: string, der: Uint8Array): Promise<void> {
  const { serialNumber, id, subject, notAfter } = decodeCertificate(der);
  const entry: IssuedCertificate = {
    ...{ serialNumber, id, name: subject, notAfter: notAfter.toISOString() },
  };
  const path = registerOf(authorityCertificate);
  try {
    await Deno.writeTextFile(path, `${JSON.stringify(entry)}\n`, { append: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    writeError(
      `crtmgr: warning: cannot note the certificate in ${path}: ${reason}; ` +
        `keep it, to be able to revoke it\n`,
    );
  }
}

/**
 * What a CA has signed, as far as it was noted; lines that make no sense are left out.
 *
 * @throws {NetError} `file`
 */
export async function readIssued(authorityCertificate: string): Promise<IssuedCertificate[]> {
  const bytes = await readBounded(registerOf(authorityCertificate), MAX_REGISTER_BYTES);
  if (bytes === undefined) return [];
  return new TextDecoder().decode(bytes).split("\n").flatMap((line) => {
    try {
      const entry = JSON.parse(line);
      return typeof entry.serialNumber === "string" && typeof entry.id === "string" ? [entry] : [];
    } catch {
      return [];
    }
  });
}
