import { DER, DerError, type DerReader, readBoolean, readOid, readSmallInteger } from "./der.ts";
import { readExtensionList } from "./extension.ts";
import { KEY_USAGE, OID } from "./oid.ts";

/** What the extensions of a certificate say (RFC 5280 §4.2). */
export interface CertificateExtensions {
  /** Whether it may sign certificates (basic constraints, RFC 5280 §4.2.1.9). */
  readonly authority: boolean;
  /** How many intermediate certificates may follow below this CA, if limited. */
  readonly pathLength: number | undefined;
  /** Key usage (RFC 5280 §4.2.1.3); undefined when the certificate does not restrict it. */
  readonly keyUsage:
    | {
      readonly digitalSignature: boolean;
      readonly keyCertSign: boolean;
      readonly cRLSign: boolean;
    }
    | undefined;
  /**
   * What the key is for beside that (extended key usage, RFC 5280 §4.2.1.12), object identifiers;
   * undefined when the certificate does not restrict it.
   */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Names the certified key, so that certificates signed by it can refer to it (RFC 5280 §4.2.1.2). */
  readonly keyIdentifier: Uint8Array | undefined;
  /** The object identifier of a critical extension that this project does not understand. */
  readonly unknownCritical: string | undefined;
}

/**
 * Reads the extensions.
 *
 * @param explicit the content of `[3]`, or undefined when there are none
 * @throws {DerError} when one is malformed, or there twice
 */
export function readExtensions(explicit: DerReader | undefined): CertificateExtensions {
  const fields: { -readonly [K in keyof CertificateExtensions]: CertificateExtensions[K] } = {
    authority: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    keyIdentifier: undefined,
    unknownCritical: undefined,
  };
  if (explicit === undefined) return fields;
  for (const { oid, critical, value } of readExtensionList(explicit)) {
    if (oid === OID.basicConstraints) Object.assign(fields, readBasicConstraints(value));
    else if (oid === OID.keyUsage) fields.keyUsage = readKeyUsage(value);
    else if (oid === OID.extendedKeyUsage) fields.extendedKeyUsage = readPurposes(value);
    else if (oid === OID.subjectKeyIdentifier) fields.keyIdentifier = value.read(DER.octetString);
    else if (critical) fields.unknownCritical ??= oid;
  }
  explicit.finish();
  return fields;
}

function readBasicConstraints(
  value: DerReader,
): Pick<CertificateExtensions, "authority" | "pathLength"> {
  const constraints = value.open(DER.sequence);
  value.finish();
  const authority = constraints.isNext(DER.boolean) && readBoolean(constraints);
  const pathLength = constraints.isAtEnd ? undefined : readSmallInteger(constraints);
  constraints.finish();
  return { authority, pathLength };
}

function readKeyUsage(value: DerReader): CertificateExtensions["keyUsage"] {
  const [unusedBits, bits] = value.read(DER.bitString);
  value.finish();
  if (unusedBits === undefined || unusedBits > 7) throw new DerError("key usage", value.offset);
  return {
    digitalSignature: ((bits ?? 0) & KEY_USAGE.digitalSignature) !== 0,
    keyCertSign: ((bits ?? 0) & KEY_USAGE.keyCertSign) !== 0,
    cRLSign: ((bits ?? 0) & KEY_USAGE.cRLSign) !== 0,
  };
}

function readPurposes(value: DerReader): string[] {
  const purposes = value.open(DER.sequence);
  value.finish();
  const oids: string[] = [];
  do oids.push(readOid(purposes)); while (!purposes.isAtEnd);
  return oids;
}
