/**
 * Reads the Distinguished Encoding Rules (X.690) of certificates, lists and keys: one reader walks over the values
 * of one constructed value, and opens another reader for each value inside. Nothing is copied and
 * nothing recurses by itself, so depth and time are bounded by the caller and by the input's length.
 *
 * It exists beside asn1js, which makes our certificates, for the connect path only: there, loading
 * asn1js and pkijs cost 25 ms, the first chain 12 ms and each further one 1.3 to 3.7 ms, most of the
 * time that a warm connection takes.
 *
 * @module
 */

/** Universal tags (X.690 §8), and the context-specific ones of certificates and lists (RFC 5280 §4, §5). */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  issuerUniqueId: 0x81,
  subjectUniqueId: 0x82,
  extensions: 0xa3,
  listExtensions: 0xa0,
  keyIdentifier: 0x80,
} as const;

/** Bytes that are not the DER that was expected. Internal: it becomes a `CertificateError`. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly offset: number;

  /** @param offset where in the input, in bytes */
  constructor(what: string, offset: number) {
    super(`${what} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Reads consecutive values. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** Reads the values in `bytes`, from `start` to `end`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Whether all values have been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Where the next value begins, in bytes from the start of the input. */
  get offset(): number {
    return this.#at;
  }

  /** Whether the next value has this tag. */
  isNext(tag: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === tag;
  }

  /** Opens the next value, which must be constructed and have this tag. */
  open(tag: number): DerReader {
    const { start, end } = this.#take(tag);
    return new DerReader(this.#bytes, start, end);
  }

  /** The content of the next value, which must have this tag. A view, not a copy. */
  read(tag: number): Uint8Array {
    const { start, end } = this.#take(tag);
    return this.#bytes.subarray(start, end);
  }

  /** The whole next value, tag and length included, which must have this tag. A view. */
  readWhole(tag: number): Uint8Array {
    const from = this.#at;
    return this.#bytes.subarray(from, this.#take(tag).end);
  }

  /** The content of the next value, whatever its tag. */
  readAny(): { tag: number; content: Uint8Array } {
    const tag = this.#bytes[this.#at] ?? 0;
    return { tag, content: this.read(tag) };
  }

  /** @throws {DerError} unless all values have been read */
  finish(): void {
    if (!this.isAtEnd) throw new DerError("unexpected value", this.#at);
  }

  #take(tag: number): { start: number; end: number } {
    const from = this.#at;
    if (from >= this.#end || this.#bytes[from] !== tag || (tag & 0x1f) === 0x1f) {
      throw new DerError(`expected tag 0x${tag.toString(16)}`, from);
    }
    const { length, start } = this.#length(from + 1);
    if (length > this.#end - start) throw new DerError("length beyond the end", from);
    this.#at = start + length;
    return { start, end: this.#at };
  }

  /** Definite lengths in their shortest form only (X.690 §10.1), below 16 MiB. */
  #length(at: number): { length: number; start: number } {
    const first = at < this.#end ? this.#bytes[at]! : 0x80;
    if (first < 0x80) return { length: first, start: at + 1 };
    const octets = first & 0x7f;
    if (octets < 1 || octets > 3 || at + octets >= this.#end) throw new DerError("length", at);
    let length = 0;
    for (let i = 1; i <= octets; i++) length = length << 8 | this.#bytes[at + i]!;
    if (length < (octets === 1 ? 0x80 : 1 << 8 * (octets - 1))) {
      throw new DerError("length not minimal", at);
    }
    return { length, start: at + 1 + octets };
  }
}

/** The octets of a BIT STRING without unused bits, as keys and signatures are (RFC 8410 §4, §6). */
export function readOctets(reader: DerReader): Uint8Array {
  const content = reader.read(DER.bitString);
  if (content[0] !== 0) throw new DerError("unused bits in a bit string", reader.offset);
  return content.subarray(1);
}

/** A BOOLEAN: 0x00 or 0xff in DER (X.690 §11.1). */
export function readBoolean(reader: DerReader): boolean {
  const content = reader.read(DER.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
    throw new DerError("boolean", reader.offset);
  }
  return content[0] === 0xff;
}

/** An INTEGER from 0 to 2^31 - 1, in its shortest form (X.690 §8.3.2). */
export function readSmallInteger(reader: DerReader): number {
  const content = reader.read(DER.integer);
  const value = content.reduce((sum, octet) => sum * 256 + octet, 0);
  const minimal = content.length === 1 || content[0] !== 0 || (content[1]! & 0x80) !== 0;
  if (content.length === 0 || (content[0]! & 0x80) !== 0 || !minimal || value > 0x7fffffff) {
    throw new DerError("integer", reader.offset);
  }
  return value;
}

/** Longest object identifier, in octets: those in use have a dozen. */
const MAX_OID_BYTES = 64;

/** The text of an OBJECT IDENTIFIER, dotted (X.690 §8.19); arcs below 2^31 only. */
export function readOid(reader: DerReader): string {
  const content = reader.read(DER.oid);
  if (content.length > MAX_OID_BYTES) throw new DerError("object identifier", reader.offset);
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    if ((arc === 0 && octet === 0x80) || arc > 0xffffff) {
      throw new DerError("object identifier", reader.offset);
    }
    arc = arc * 128 + (octet & 0x7f);
    if ((octet & 0x80) !== 0) continue;
    arcs.push(arc);
    arc = 0;
  }
  if (arcs.length === 0 || (content.at(-1)! & 0x80) !== 0) {
    throw new DerError("object identifier", reader.offset);
  }
  const first = Math.min(2, Math.floor(arcs[0]! / 40));
  return [first, arcs[0]! - first * 40, ...arcs.slice(1)].join(".");
}

/** The longer form of a time, `YYYYMMDDHHMMSSZ`. */
const MAX_TIME_BYTES = 15;

/** A UTCTime or GeneralizedTime in the form that RFC 5280 §4.1.2.5 demands. */
export function readTime(reader: DerReader): Date {
  const { tag, content } = reader.readAny();
  const text = String.fromCharCode(...content.subarray(0, MAX_TIME_BYTES + 1));
  const match = tag === DER.utcTime
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : tag === DER.generalizedTime
    ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : null;
  if (match === null) throw new DerError("time", reader.offset);
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as number[];
  const century = tag === DER.generalizedTime ? 0 : year! < 50 ? 2000 : 1900;
  const date = new Date(Date.UTC(century + year!, month! - 1, day, hour, minute, second));
  // Date accepts the 31st of February and turns it into a day of March.
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day || hour! > 23) {
    throw new DerError("time", reader.offset);
  }
  return date;
}
