import { Buffer } from "node:buffer";
import type { Certificate as PkiCertificate, Extension } from "pkijs";
import { CertificateError } from "./certificate_error.ts";
import { formatId, PUBLIC_KEY_BYTES } from "./id.ts";
import { KEY_USAGE, loadX509, OID, type X509Modules } from "./x509.ts";

/** Largest certificate that is looked at, in bytes. Ours have about 400. */
export const MAX_CERTIFICATE_BYTES = 4096;
/** Deepest nesting of ASN.1 that is followed; a certificate of ours needs 8. */
const MAX_ASN1_DEPTH = 16;
/** Most ASN.1 values that are looked at in one certificate; ours have about 60. */
const MAX_ASN1_VALUES = 512;

/** What a certificate says, as far as this project asks. Nothing is verified yet. */
export interface Certificate {
  /** The id of the certified key. */
  readonly id: string;
  /** The certified Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The subject's common name; empty when there is none. */
  readonly subject: string;
  /** The subject's whole name, DER as hexadecimal text, for comparison. */
  readonly subjectName: string;
  /** The issuer's whole name, DER as hexadecimal text, for comparison. */
  readonly issuerName: string;
  /** Start of the validity period. */
  readonly notBefore: Date;
  /** End of the validity period. */
  readonly notAfter: Date;
  /** Whether it may sign certificates (basic constraints, RFC 5280 §4.2.1.9). */
  readonly authority: boolean;
  /** How many intermediate certificates may follow below this CA, if limited. */
  readonly pathLength: number | undefined;
  /** Key usage as named bits; undefined when the certificate does not restrict it. */
  readonly keyUsage:
    | { readonly digitalSignature: boolean; readonly keyCertSign: boolean }
    | undefined;
  /** Names the certified key, so that certificates signed by it can refer to it (RFC 5280 §4.2.1.2). */
  readonly keyIdentifier: Uint8Array | undefined;
  /** The object identifier of a critical extension that this project does not understand. */
  readonly unknownCritical: string | undefined;
  /** The signed part, DER. */
  readonly signed: Uint8Array;
  /** Ed25519 signature by the issuer, 64 bytes if sound. */
  readonly signature: Uint8Array;
}

/**
 * Decodes a certificate.
 *
 * @param der at most 4096 bytes ({@linkcode MAX_CERTIFICATE_BYTES})
 * @throws {CertificateError} `too-large`, `malformed` or `unsupported-algorithm`, whatever the bytes
 */
export async function decodeCertificate(der: Uint8Array): Promise<Certificate> {
  return decodeWith(await loadX509(), der);
}

function decodeWith(modules: X509Modules, der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw new CertificateError(
      "too-large",
      `${der.length} bytes, at most ${MAX_CERTIFICATE_BYTES} allowed`,
    );
  }
  try {
    return read(parse(modules, der), modules);
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    throw new CertificateError("malformed", "not an X.509 certificate in DER", 0, { cause });
  }
}

function parse({ asn1js, pkijs }: X509Modules, der: Uint8Array): PkiCertificate {
  const { offset, result } = asn1js.fromBER(der, {
    maxDepth: MAX_ASN1_DEPTH,
    maxNodes: MAX_ASN1_VALUES,
  });
  if (offset !== der.length) throw malformed("trailing or missing bytes");
  return new pkijs.Certificate({ schema: result });
}

function read(parsed: PkiCertificate, modules: X509Modules): Certificate {
  if (parsed.version !== 2) throw malformed("not version 3");
  const publicKeyInfo = parsed.subjectPublicKeyInfo;
  const algorithms = [parsed.signature, parsed.signatureAlgorithm, publicKeyInfo.algorithm];
  for (const { algorithmId, algorithmParams } of algorithms) {
    if (algorithmId !== OID.ed25519 || algorithmParams !== undefined) {
      throw new CertificateError("unsupported-algorithm", `${algorithmId} is not Ed25519`);
    }
  }
  const publicKey = octets(publicKeyInfo.subjectPublicKey);
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw malformed("public key length");
  const extensions = readExtensions(parsed.extensions ?? [], modules);
  return {
    id: formatId(publicKey),
    publicKey,
    subject: commonName(parsed),
    subjectName: Buffer.from(parsed.subject.valueBeforeDecode).toString("hex"),
    issuerName: Buffer.from(parsed.issuer.valueBeforeDecode).toString("hex"),
    notBefore: date(parsed.notBefore.value),
    notAfter: date(parsed.notAfter.value),
    ...extensions,
    signed: parsed.tbsView.slice(),
    signature: octets(parsed.signatureValue),
  };
}

type ExtensionFields = Pick<
  Certificate,
  "authority" | "pathLength" | "keyUsage" | "keyIdentifier" | "unknownCritical"
>;

function readExtensions(extensions: Extension[], modules: X509Modules): ExtensionFields {
  const fields: { -readonly [K in keyof ExtensionFields]: ExtensionFields[K] } = {
    authority: false,
    pathLength: undefined,
    keyUsage: undefined,
    keyIdentifier: undefined,
    unknownCritical: undefined,
  };
  const seen = new Set<string>();
  for (const extension of extensions) {
    const oid = extension.extnID;
    // RFC 5280 §4.2: no extension twice.
    if (seen.has(oid)) throw malformed(`extension ${oid} twice`);
    seen.add(oid);
    if (oid === OID.basicConstraints) {
      Object.assign(fields, readBasicConstraints(extension, modules));
    } else if (oid === OID.keyUsage) {
      fields.keyUsage = readKeyUsage(extension, modules);
    } else if (oid === OID.subjectKeyIdentifier) {
      fields.keyIdentifier = readKeyIdentifier(extension, modules);
    } else if (extension.critical) {
      fields.unknownCritical ??= oid;
    }
  }
  return fields;
}

function readBasicConstraints(
  extension: Extension,
  { asn1js, pkijs }: X509Modules,
): Pick<Certificate, "authority" | "pathLength"> {
  const value = extensionValue(extension, asn1js);
  const { cA, pathLenConstraint } = new pkijs.BasicConstraints({ schema: value });
  const length = typeof pathLenConstraint === "object"
    ? pathLenConstraint.valueBlock.valueDec
    : pathLenConstraint;
  if (length !== undefined && length < 0) throw malformed("negative path length");
  return { authority: cA, pathLength: length };
}

function readKeyUsage(extension: Extension, { asn1js }: X509Modules): Certificate["keyUsage"] {
  const value = extensionValue(extension, asn1js);
  if (!(value instanceof asn1js.BitString)) throw malformed("key usage");
  const bits = value.valueBlock.valueHexView[0] ?? 0;
  return {
    digitalSignature: (bits & KEY_USAGE.digitalSignature) !== 0,
    keyCertSign: (bits & KEY_USAGE.keyCertSign) !== 0,
  };
}

function readKeyIdentifier(extension: Extension, { asn1js }: X509Modules): Uint8Array {
  const value = extensionValue(extension, asn1js);
  if (!(value instanceof asn1js.OctetString)) throw malformed("subject key identifier");
  return value.valueBlock.valueHexView.slice();
}

function extensionValue(extension: Extension, asn1js: X509Modules["asn1js"]) {
  const bytes = extension.extnValue.valueBlock.valueHexView;
  const { offset, result } = asn1js.fromBER(bytes, {
    maxDepth: MAX_ASN1_DEPTH,
    maxNodes: MAX_ASN1_VALUES,
  });
  if (offset !== bytes.length) throw malformed(`extension ${extension.extnID}`);
  return result;
}

function commonName(parsed: PkiCertificate): string {
  const entry = parsed.subject.typesAndValues.find(({ type }) => type === OID.commonName);
  const value: unknown = entry?.value.valueBlock.value;
  return typeof value === "string" ? value : "";
}

/** The octets of a BIT STRING without unused bits, as keys and signatures are (RFC 8410 §4, §6). */
function octets(bits: { valueBlock: { unusedBits: number; valueHexView: Uint8Array } }) {
  if (bits.valueBlock.unusedBits !== 0) throw malformed("unused bits");
  return bits.valueBlock.valueHexView.slice();
}

function date(value: Date): Date {
  if (Number.isNaN(value.getTime())) throw malformed("validity");
  return value;
}

function malformed(what: string): CertificateError {
  return new CertificateError("malformed", `not a sound X.509 certificate: ${what}`);
}
