/**
 * What a datagram says. One datagram is one msgpack map; `e`, `r`, `p`, `u` or `q` tells its kind, in
 * this order of precedence. {@linkcode decodePacket} and {@linkcode encodePacket} translate.
 * @module
 */
import type { MsgpackEncoded } from "./msgpack.ts";
import type { DhtValue } from "./value.ts";
import type { FieldRows, ValueQuery } from "./value_query.ts";

/** What every datagram may carry. */
export interface PacketEnvelope {
  /** Transaction id, uint32; a reply echoes it. */
  readonly tid: number;
  /** Network id; 0 is the public network. */
  readonly networkId?: number;
  /** User agent, never checked. */
  readonly agent?: string;
  /** The sender serves no queries and does not want to be in a routing table. */
  readonly client?: boolean;
}

/** The queries of OpenDHT. */
export type QueryName = "ping" | "find" | "get" | "put" | "listen" | "refresh" | "update";

/**
 * An element of `values`: a value in place, or the packed size in bytes of one that follows in
 * fragments. In a decoded packet `undefined` stands for one that cannot be read.
 */
export type ValueElement = DhtValue | MsgpackEncoded | number | undefined;

/** A question, or a storer's `update` to a listener. */
export interface QueryPacket extends PacketEnvelope {
  /** Tells the kinds apart. */
  readonly kind: "query";
  /** What is asked. */
  readonly name: QueryName;
  /** The sender's node id, 20 bytes. */
  readonly id: Uint8Array;
  /** `target` of a find, `h` elsewhere; 20 bytes. Absent only in faulty packets. */
  readonly key?: Uint8Array;
  /** Linux address families whose nodes are wanted: 2 and 10. */
  readonly want?: readonly number[];
  /** Which values or fields: get, listen. */
  readonly query?: ValueQuery;
  /** put, update. */
  readonly values?: readonly ValueElement[];
  /** When the value was made, unix seconds: put. */
  readonly created?: number;
  /** put, listen, refresh: the storer's token; update: a new one. */
  readonly token?: Uint8Array;
  /** refresh. */
  readonly valueId?: bigint;
  /** listen, update: the listener's number for this listen. */
  readonly sid?: number;
  /** listen, update: 1; 0 or absent means the legacy form of notification. */
  readonly version?: number;
  /** update: ids whose life was extended. */
  readonly refreshed?: readonly bigint[];
  /** update: ids that are gone. */
  readonly expired?: readonly bigint[];
}

/** An answer. */
export interface ReplyPacket extends PacketEnvelope {
  /** Tells the kinds apart. */
  readonly kind: "reply";
  /** The sender's node id, 20 bytes. */
  readonly id: Uint8Array;
  /** The requester's IP as seen by the replier: 4 or 16 bytes. */
  readonly seenAs?: Uint8Array;
  /** put, refresh. */
  readonly valueId?: bigint;
  /** Compact node lists, records of 26 or 38 bytes: id, IP, port. */
  readonly nodes4?: Uint8Array;
  /** The same for IPv6. */
  readonly nodes6?: Uint8Array;
  /** For put, listen and refresh at the sender: find, get, update. */
  readonly token?: Uint8Array;
  /** get, or an update in the legacy form. */
  readonly values?: readonly ValueElement[];
  /** get with a selection of fields. */
  readonly fields?: FieldRows;
}

/** A refusal. */
export interface ErrorPacket extends PacketEnvelope {
  /** Tells the kinds apart. */
  readonly kind: "error";
  /** 203 (malformed), 401 (token), 404 (nothing to refresh). */
  readonly code: number;
  /** For people. */
  readonly message: string;
  /** The sender's node id. */
  readonly id?: Uint8Array;
}

/** Pieces of values that a packet with the same tid announced by size. */
export interface FragmentPacket extends PacketEnvelope {
  /** Tells the kinds apart. */
  readonly kind: "fragment";
  /** One or more pieces. */
  readonly parts: readonly FragmentPart[];
}

/** One piece. */
export interface FragmentPart {
  /** Which element of `values`. */
  readonly index: number;
  /** Where in the packed value, bytes. */
  readonly offset: number;
  /** The piece. */
  readonly bytes: Uint8Array;
}

/** Notice to a version-0 listener that values were refreshed or expired; the tid is its sid. */
export interface LegacyUpdatePacket extends PacketEnvelope {
  /** Tells the kinds apart. */
  readonly kind: "legacy-update";
  /** The sender's node id, 20 bytes. */
  readonly id: Uint8Array;
  /** For put, listen and refresh at the sender: find, get, update. */
  readonly token?: Uint8Array;
  /** Ids whose life was extended. */
  readonly refreshed?: readonly bigint[];
  /** Ids that are gone. */
  readonly expired?: readonly bigint[];
}

/** Any datagram. */
export type DhtPacket =
  | QueryPacket
  | ReplyPacket
  | ErrorPacket
  | FragmentPacket
  | LegacyUpdatePacket;
