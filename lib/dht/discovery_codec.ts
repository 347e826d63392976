import { DhtDecodeError } from "./decode_error.ts";
import { toArray, toId, toInt } from "./fields.ts";
import { decodeMsgpack } from "./msgpack.ts";
import { encodeMsgpack } from "./msgpack_writer.ts";

/** UDP port of OpenDHT's peer discovery. */
export const DISCOVERY_PORT = 8888;
/** Multicast groups of OpenDHT's peer discovery: organisation-local scope. */
export const DISCOVERY_GROUP = { 4: "239.192.0.1", 6: "ff08::101" } as const;

/** What a node tells the LAN about itself. */
export interface DiscoveryAnnouncement {
  /** Node id, 20 bytes. */
  readonly id: Uint8Array;
  /** UDP port of the DHT node. */
  readonly port: number;
  /** See {@linkcode PacketEnvelope.networkId}. */
  readonly networkId: number;
}

/** A datagram of peer discovery; `other` is an announcement without the service `dht`. */
export type DiscoveryMessage =
  | { readonly kind: "query" }
  | { readonly kind: "announcement"; readonly announcement: DiscoveryAnnouncement }
  | { readonly kind: "other" };

/** "Who is there?": the msgpack str `q`. */
export function encodeDiscoveryQuery(): Uint8Array {
  return encodeMsgpack("q");
}

/** "I am here": `{"dht": [id, port, network id]}`. */
export function encodeDiscoveryAnnouncement(announcement: DiscoveryAnnouncement): Uint8Array {
  const { id, port, networkId } = announcement;
  return encodeMsgpack(new Map([["dht", [id, port, networkId]]]));
}

/**
 * Reads a datagram of peer discovery.
 *
 * @throws {DhtDecodeError} of any code
 *
 * @example
 * ```ts
 * import { decodeDiscovery, encodeDiscoveryAnnouncement } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * const announcement = { id: new Uint8Array(20).fill(1), port: 4222, networkId: 0 };
 * const bytes = encodeDiscoveryAnnouncement(announcement);
 * assert.deepEqual(decodeDiscovery(bytes), { kind: "announcement", announcement });
 * ```
 */
export function decodeDiscovery(bytes: Uint8Array): DiscoveryMessage {
  const tree = decodeMsgpack(bytes);
  if (tree === "q") return { kind: "query" };
  if (!(tree instanceof Map)) throw new DhtDecodeError("bad-field", "neither q nor a map");
  const service = tree.get("dht");
  if (service === undefined) return { kind: "other" };
  const [id, port, networkId] = toArray(service, "dht");
  return {
    kind: "announcement",
    announcement: {
      id: toId(id ?? null, "id"),
      port: toInt(port ?? null, "port", 0xffff),
      networkId: toInt(networkId ?? 0, "network id", 0xffff_ffff),
    },
  };
}
