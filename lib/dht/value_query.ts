/**
 * Selecting values at the storer: the `q` argument of `get` and `listen`, and the `fileds` (sic) that
 * answer a `get` which asks for some fields only.
 * @module
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { DhtDecodeError } from "./decode_error.ts";
import { field, toArray, toBytes, toId, toInt, toUint64 } from "./fields.ts";
import type { MsgpackTree } from "./msgpack.ts";
import type { MsgpackWriter } from "./msgpack_writer.ts";
import type { DhtValue } from "./value.ts";

/** Conditions on a value, all of which must hold; an empty filter takes every value. */
export interface ValueFilter {
  /** The value id. */
  readonly id?: bigint;
  /** The value type, uint16. */
  readonly type?: number;
  /** SHA-1 of the owner's SubjectPublicKeyInfo, 20 bytes; 20 zeros for values without an owner. */
  readonly ownerId?: Uint8Array;
  /** The application's tag. */
  readonly userType?: string;
}

/** Numbers of the fields in `q` and `fileds`. */
export const VALUE_FIELD = { id: 1, type: 2, ownerId: 3, sequence: 4, userType: 5 } as const;

/** `{s, w}`: which fields are wanted (none means whole values), of which values. */
export interface ValueQuery {
  /** Field numbers, see {@linkcode VALUE_FIELD}. */
  readonly select: readonly number[];
  /** The conditions. */
  readonly where: ValueFilter;
}

/** Rows of selected fields: what a reply carries under `fileds`. */
export interface FieldRows {
  /** Field numbers, ascending. */
  readonly fields: readonly number[];
  /** The fields of the first value, then those of the second, and so on. */
  readonly cells: readonly MsgpackTree[];
}

const NO_OWNER = new Uint8Array(20);

/** Whether a value meets all conditions. */
export function matchesFilter(value: DhtValue, where: ValueFilter): boolean {
  if (where.id !== undefined && where.id !== value.id) return false;
  if (where.type !== undefined && where.type !== value.type) return false;
  if (where.userType !== undefined && where.userType !== (value.userType ?? "")) return false;
  return where.ownerId === undefined || equalBytes(where.ownerId, ownerId(value));
}

const ownerIds = new WeakMap<Uint8Array, Uint8Array>();

/**
 * The owner's key id: SHA-1 of its SubjectPublicKeyInfo, or 20 zeros. Made once: a stored value is asked
 * for it by each query, and an owner may have 64 KiB.
 */
export function ownerId({ owner }: DhtValue): Uint8Array {
  if (owner === undefined) return NO_OWNER;
  let id = ownerIds.get(owner);
  if (id === undefined) ownerIds.set(owner, id = sha1(owner));
  return id;
}

/** The rows of some values under a selection. */
export function selectFields(values: readonly DhtValue[], select: readonly number[]): FieldRows {
  const fields = [...new Set(select)].sort((a, b) => a - b);
  const cells = values.flatMap((value) => fields.map((field) => cell(value, field)));
  return { fields, cells };
}

function cell(value: DhtValue, field: number): MsgpackTree {
  switch (field) {
    case VALUE_FIELD.id:
      return value.id;
    case VALUE_FIELD.type:
      return value.type;
    case VALUE_FIELD.ownerId:
      return ownerId(value);
    case VALUE_FIELD.sequence:
      return value.sequence ?? 0;
    default:
      return value.userType ?? "";
  }
}

/** The column of one field, when the rows have it. */
export function column(rows: FieldRows, field: number): MsgpackTree[] {
  const at = rows.fields.indexOf(field);
  if (at < 0) return [];
  return rows.cells.filter((_, i) => i % rows.fields.length === at);
}

/**
 * Reads `q`.
 *
 * @throws {DhtDecodeError} when `s` or `w` is absent, a field is unknown, or `w` names the sequence
 */
export function readQuery(tree: MsgpackTree): ValueQuery {
  if (!(tree instanceof Map)) throw new DhtDecodeError("bad-field", "q is a map");
  const select = toArray(field(tree, "s"), "s").map((item) => toInt(item, "s", 5));
  if (select.includes(0)) throw new DhtDecodeError("bad-field", "field 0");
  let where: ValueFilter = {};
  for (const item of toArray(field(tree, "w"), "w")) {
    if (!(item instanceof Map)) throw new DhtDecodeError("bad-field", "w holds maps");
    where = { ...where, ...readCondition(toInt(field(item, "f"), "f", 5), field(item, "v")) };
  }
  return { select, where };
}

function readCondition(fieldNumber: number, tree: MsgpackTree): ValueFilter {
  switch (fieldNumber) {
    case VALUE_FIELD.id:
      return { id: toUint64(tree, "v") };
    case VALUE_FIELD.type:
      return { type: toInt(tree, "v", 0xffff) };
    case VALUE_FIELD.ownerId:
      return { ownerId: toId(tree, "v") };
    case VALUE_FIELD.userType:
      return { userType: new TextDecoder().decode(toBytes(tree, "v")) };
    default:
      throw new DhtDecodeError("bad-field", `condition on field ${fieldNumber}`);
  }
}

/** Appends `q`. */
export function writeQuery(writer: MsgpackWriter, { select, where }: ValueQuery): void {
  writer.map(2).str("s").array(select.length);
  for (const fieldNumber of select) writer.int(fieldNumber);
  const conditions: [number, MsgpackTree][] = [];
  if (where.id !== undefined) conditions.push([VALUE_FIELD.id, where.id]);
  if (where.type !== undefined) conditions.push([VALUE_FIELD.type, where.type]);
  if (where.ownerId !== undefined) conditions.push([VALUE_FIELD.ownerId, where.ownerId]);
  if (where.userType !== undefined) {
    conditions.push([VALUE_FIELD.userType, new TextEncoder().encode(where.userType)]);
  }
  writer.str("w").array(conditions.length);
  for (const [fieldNumber, tree] of conditions) {
    writer.map(2).str("f").int(fieldNumber).str("v").tree(tree);
  }
}

/**
 * Reads `fileds`.
 *
 * @throws {DhtDecodeError} when it is not rows of known fields
 */
export function readFieldRows(tree: MsgpackTree): FieldRows {
  if (!(tree instanceof Map)) throw new DhtDecodeError("bad-field", "fileds is a map");
  const fields = toArray(field(tree, "f"), "f").map((item) => toInt(item, "f", 255));
  return { fields, cells: toArray(field(tree, "v"), "v") };
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
