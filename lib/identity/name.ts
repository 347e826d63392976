import { bytesToHex } from "@noble/hashes/utils.js";
import { DER, DerError, DerReader, readOid } from "./der.ts";
import { OID } from "./oid.ts";

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

/** A distinguished name (RFC 5280 §4.1.2.4). */
export interface DistinguishedName {
  /** The whole name, DER as hexadecimal text: names are compared byte for byte. */
  readonly encoded: string;
  /** The first common name in it; empty when there is none. */
  readonly commonName: string;
}

/**
 * Reads a name, whose form is checked on the way.
 *
 * @throws {DerError} when it is none
 */
export function readName(reader: DerReader): DistinguishedName {
  const der = reader.readWhole(DER.sequence);
  let commonName: string | undefined;
  const sets = new DerReader(der).open(DER.sequence);
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
      if (type === OID.commonName && isText) commonName ??= new TextDecoder().decode(content);
    } while (!set.isAtEnd);
  }
  return { encoded: bytesToHex(der), commonName: commonName ?? "" };
}
