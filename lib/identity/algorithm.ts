import { CertificateError } from "./certificate_error.ts";
import { DER, type DerReader, readOid } from "./der.ts";
import { OID } from "./oid.ts";

/**
 * Reads the AlgorithmIdentifier of a key or a signature, which has to be Ed25519: without
 * parameters (RFC 8410 §3).
 *
 * @throws {CertificateError} `unsupported-algorithm`
 * @throws {DerError} when it is malformed
 */
export function readEd25519(reader: DerReader): void {
  const algorithm = reader.open(DER.sequence);
  const oid = readOid(algorithm);
  if (oid !== OID.ed25519) {
    throw new CertificateError("unsupported-algorithm", `algorithm ${oid} is not Ed25519`);
  }
  algorithm.finish();
}
