import { bytesToHex } from "@noble/hashes/utils.js";
import { CertificateError } from "./certificate_error.ts";
import { type CertificateExtensions, readExtensions } from "./certificate_extensions.ts";
import {
  DER,
  DerError,
  DerReader,
  readOctets,
  readOid,
  readSmallInteger,
  readTime,
} from "./der.ts";
import { formatId, PUBLIC_KEY_BYTES } from "./id.ts";
import { OID } from "./oid.ts";
import { readSerialNumber } from "./serial_number.ts";

/** Largest certificate that is looked at, in bytes. Ours have about 400. */
export const MAX_CERTIFICATE_BYTES = 4096;
/** What an attribute of a name may be, and octets per character (RFC 5280 §4.1.2.4, X.690 §8.23). */
const NAME_STRINGS: ReadonlyMap<number, number> = new Map([
  [DER.utf8String, 1],
  [DER.numericString, 1],
  [DER.printableString, 1],
  [DER.teletexString, 1],
  [DER.ia5String, 1],
  [DER.universalString, 4],
  [DER.bmpString, 2],
]);
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
  readAlgorithm(certificate);
  const signature = readOctets(certificate);
  certificate.finish();
  return { ...readSigned(new DerReader(signed).open(DER.sequence)), signed, signature };
}

function readSigned(fields: DerReader): Omit<Certificate, "signed" | "signature"> {
  const version = fields.open(DER.version);
  if (readSmallInteger(version) !== VERSION_3) throw new DerError("not version 3", fields.offset);
  version.finish();
  const serialNumber = readSerialNumber(fields);
  readAlgorithm(fields);
  const issuer = fields.readWhole(DER.sequence);
  const validity = fields.open(DER.sequence);
  const [notBefore, notAfter] = [readTime(validity), readTime(validity)];
  validity.finish();
  const subject = fields.readWhole(DER.sequence);
  const publicKey = readPublicKey(fields.open(DER.sequence));
  if (fields.isNext(DER.issuerUniqueId)) fields.read(DER.issuerUniqueId);
  if (fields.isNext(DER.subjectUniqueId)) fields.read(DER.subjectUniqueId);
  const extensions = readExtensions(
    fields.isAtEnd ? undefined : fields.open(DER.extensions),
  );
  fields.finish();
  readCommonName(issuer);
  return {
    id: formatId(publicKey),
    publicKey,
    serialNumber,
    subject: readCommonName(subject),
    subjectName: bytesToHex(subject),
    issuerName: bytesToHex(issuer),
    notBefore,
    notAfter,
    ...extensions,
  };
}

/** An AlgorithmIdentifier, which for Ed25519 has no parameters (RFC 8410 §3). */
function readAlgorithm(reader: DerReader): void {
  const algorithm = reader.open(DER.sequence);
  const oid = readOid(algorithm);
  if (oid !== OID.ed25519) {
    throw new CertificateError("unsupported-algorithm", `algorithm ${oid} is not Ed25519`);
  }
  algorithm.finish();
}

function readPublicKey(info: DerReader): Uint8Array {
  readAlgorithm(info);
  const publicKey = readOctets(info);
  info.finish();
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new DerError("key", info.offset);
  return publicKey;
}

/** The first common name in a Name (RFC 5280 §4.1.2.4), whose form is checked on the way. */
function readCommonName(name: Uint8Array): string {
  let found: string | undefined;
  const sets = new DerReader(name).open(DER.sequence);
  while (!sets.isAtEnd) {
    const set = sets.open(DER.set);
    do {
      const attribute = set.open(DER.sequence);
      const type = readOid(attribute);
      const { tag, content } = attribute.readAny();
      attribute.finish();
      const width = NAME_STRINGS.get(tag);
      if (width === undefined || content.length % width !== 0) {
        throw new DerError("attribute of a name", set.offset);
      }
      const isText = tag === DER.utf8String || tag === DER.printableString;
      if (type === OID.commonName && isText) found ??= new TextDecoder().decode(content);
    } while (!set.isAtEnd);
  }
  return found ?? "";
}
