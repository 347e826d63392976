import { DER, DerError, DerReader, readBoolean, readOid } from "./der.ts";

/** One extension of a certificate, a revocation list or an entry of one (RFC 5280 §4.2, §5.2). */
export interface Extension {
  /** What it is. */
  readonly oid: string;
  /** Whether who does not understand it has to refuse. */
  readonly critical: boolean;
  /** Its value. */
  readonly value: DerReader;
}

/**
 * Reads a sequence of extensions.
 *
 * @throws {DerError} when one is malformed, or there twice
 */
export function* readExtensionList(reader: DerReader): Generator<Extension> {
  const extensions = reader.open(DER.sequence);
  const seen = new Set<string>();
  while (!extensions.isAtEnd) {
    const extension = extensions.open(DER.sequence);
    const oid = readOid(extension);
    const critical = extension.isNext(DER.boolean) && readBoolean(extension);
    const value = new DerReader(extension.read(DER.octetString));
    extension.finish();
    if (seen.has(oid)) throw new DerError(`extension ${oid} twice`, extensions.offset);
    seen.add(oid);
    yield { oid, critical, value };
  }
}
