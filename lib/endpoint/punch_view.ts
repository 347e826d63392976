import { decode, encode } from "@msgpack/msgpack";
import { formatIp, parseIp } from "../ip/mod.ts";
import type { PunchView } from "./punch.ts";

/** Bytes that each side adds to the key of an attempt. */
const TOKEN_BYTES = 16;
const MAPPINGS = ["unknown", "independent", "dependent"] as const;

/** A side's NAT as it sees it, if there is one, and its part of the key. */
export interface PunchMessage {
  readonly view: PunchView | undefined;
  readonly token: Uint8Array;
}

/** As msgpack: the token, and mapping, IP and port where there is a NAT. */
export function encodePunchMessage({ view, token }: PunchMessage): Uint8Array {
  if (view === undefined) return encode([token]);
  return encode([token, MAPPINGS.indexOf(view.mapping), parseIp(view.mapped.ip), view.mapped.port]);
}

/**
 * Reads what {@linkcode encodePunchMessage} writes, whatever the bytes.
 *
 * @throws {RangeError} when they are something else
 */
export function decodePunchMessage(bytes: Uint8Array): PunchMessage {
  let fields: unknown;
  try {
    fields = decode(bytes, {
      maxArrayLength: 8,
      maxMapLength: 0,
      maxBinLength: 16,
      maxStrLength: 0,
    });
  } catch (cause) {
    throw new RangeError("not a view of a NAT", { cause });
  }
  const [token, mapping, ip, port] = Array.isArray(fields) ? fields : [];
  if (!(token instanceof Uint8Array) || token.length !== TOKEN_BYTES) {
    throw new RangeError("a view of a NAT without its token");
  }
  if (mapping === undefined) return { view: undefined, token: token.slice() };
  const known = MAPPINGS[mapping as number];
  const address = ip instanceof Uint8Array && (ip.length === 4 || ip.length === 16);
  if (known === undefined || !address || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError("a view of a NAT that makes no sense");
  }
  return { view: { mapping: known, mapped: { ip: formatIp(ip), port } }, token: token.slice() };
}
