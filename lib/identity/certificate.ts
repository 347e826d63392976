import { readEd25519 } from "./algorithm.ts";
import { CertificateError } from "./certificate_error.ts";
import { type CertificateExtensions, readExtensions } from "./certificate_extensions.ts";
import { DER, DerError, DerReader, readOctets, readSmallInteger, readTime } from "./der.ts";
import { formatId, PUBLIC_KEY_BYTES } from "./id.ts";
import { readName } from "./name.ts";
import { readSerialNumber } from "./serial_number.ts";

/** Largest certificate that is looked at, in bytes. Ours have about 400. */
export const MAX_CERTIFICATE_BYTES = 4096;
/** The number that stands for version 3 (RFC 5280 §4.1.2.1). */
const VERSION_3 = 2;

/** What a certificate says, as far as this project asks. Nothing is verified yet. */
export interface Certificate extends CertificateExtensions {
  /** The id of the certified key. */
  readonly id: string;
  /** The certified Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What the issuer numbers it by, see {@linkcode formatSerialNumber}. */
  readonly serialNumber: string;
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
  /** The signed part, DER. */
  readonly signed: Uint8Array;
  /** Ed25519 signature by the issuer, 64 bytes if sound. */
  readonly signature: Uint8Array;
}

/**
 * Decodes a certificate (RFC 5280 §4.1), strictly.
 *
 * @param der at most {@linkcode MAX_CERTIFICATE_BYTES}; it must not change afterwards
 * @throws {CertificateError} `too-large`, `malformed` or `unsupported-algorithm`, whatever the bytes
 */
export function decodeCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw new CertificateError(
      "too-large",
      `${der.length} bytes, at most ${MAX_CERTIFICATE_BYTES} allowed`,
    );
  }
  try {
    return readCertificate(new DerReader(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    const message = `not an X.509 v3 certificate in DER: ${cause.message}`;
    throw new CertificateError("malformed", message, 0, { cause });
  }
}

function readCertificate(input: DerReader): Certificate {
  const certificate = input.open(DER.sequence);
  input.finish();
  const signed = certificate.readWhole(DER.sequence);
  readEd25519(certificate);
  const signature = readOctets(certificate);
  certificate.finish();
  return { ...readSigned(new DerReader(signed).open(DER.sequence)), signed, signature };
}

function readSigned(fields: DerReader): Omit<Certificate, "signed" | "signature"> {
  const version = fields.open(DER.version);
  if (readSmallInteger(version) !== VERSION_3) throw new DerError("not version 3", fields.offset);
  version.finish();
  const serialNumber = readSerialNumber(fields);
  readEd25519(fields);
  const issuer = readName(fields);
  const validity = fields.open(DER.sequence);
  const [notBefore, notAfter] = [readTime(validity), readTime(validity)];
  validity.finish();
  const subject = readName(fields);
  const publicKey = readPublicKey(fields.open(DER.sequence));
  if (fields.isNext(DER.issuerUniqueId)) fields.read(DER.issuerUniqueId);
  if (fields.isNext(DER.subjectUniqueId)) fields.read(DER.subjectUniqueId);
  const extensions = readExtensions(
    fields.isAtEnd ? undefined : fields.open(DER.extensions),
  );
  fields.finish();
  return {
    id: formatId(publicKey),
    publicKey,
    serialNumber,
    subject: subject.commonName,
    subjectName: subject.encoded,
    issuerName: issuer.encoded,
    notBefore,
    notAfter,
    ...extensions,
  };
}

function readPublicKey(info: DerReader): Uint8Array {
  readEd25519(info);
  const publicKey = readOctets(info);
  info.finish();
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new DerError("key", info.offset);
  return publicKey;
}
