import { canonicalIp, type IpFamily, ipFamily, isIp, parseIp } from "../../../lib/ip/mod.ts";
import { type InterfaceAddress, isPrivate } from "../address/address_range.ts";
import { decodeOffer, type DirectOffer, encodeOffer } from "../direct/direct_offer.ts";
import { offeredNames } from "../dns/offered_names.ts";
import type { NameSettings } from "../dns/resolv_conf.ts";
import { frame, FRAME_GREETING, FrameError } from "./frame.ts";

/** The least MTU with which IPv6 works (RFC 8200 §5), bytes. */
export const MIN_MTU = 1280;
/** The largest MTU: the longest IP packet, bytes. */
export const MAX_MTU = 65_535;
/** One address of each family. */
const MAX_ADDRESSES = 2;
/** The shortest prefixes that a peer may give us addresses in, bits. */
const MIN_PREFIX: Record<IpFamily, number> = { 4: 8, 6: 48 };

/** What both sides tell each other of themselves. */
export interface Greeting {
  /** Largest packet that the side wants to get, bytes, segmented ones aside. */
  readonly mtu: number;
  /** Whether the side takes UDP packets that are to be segmented. */
  readonly segmentsUdp: boolean;
  /** Another way for short packets to the side, if there may be one. */
  readonly direct?: DirectOffer | undefined;
}

/** What a server adds. */
export interface ServerGreeting extends Greeting {
  /** The client's addresses from now on. */
  readonly client: readonly InterfaceAddress[];
  /** The server's own, of the same families. */
  readonly server: readonly InterfaceAddress[];
  /** Name servers and domains that the client may use. */
  readonly names?: NameSettings;
}

/** The frame with which a client begins. */
export function encodeGreeting({ mtu, segmentsUdp, direct }: Greeting): Uint8Array {
  return encode({ version: 1, mtu, segmentsUdp, ...offered(direct) });
}

/** The frame with which a server begins. */
export function encodeServerGreeting(greeting: ServerGreeting): Uint8Array {
  const { mtu, segmentsUdp, direct, client, server, names } = greeting;
  const text = (addresses: readonly InterfaceAddress[]) =>
    addresses.map(({ ip, prefix }) => `${ip}/${prefix}`);
  return encode({
    version: 1,
    mtu,
    segmentsUdp,
    client: text(client),
    server: text(server),
    ...offered(direct),
    ...names === undefined ? {} : { dns: names.servers, search: names.search },
  });
}

/** Reads what a client said. @throws {FrameError} */
export function decodeGreeting(body: Uint8Array): Greeting {
  const { mtu, segmentsUdp, direct } = fields(body);
  if (!Number.isInteger(mtu) || Number(mtu) < MIN_MTU || Number(mtu) > MAX_MTU) {
    throw new FrameError("the peer's greeting has no MTU");
  }
  const offer = decodeOffer(direct);
  return { mtu: Number(mtu), segmentsUdp: segmentsUdp === true, ...offer && { direct: offer } };
}

/**
 * Reads what a server said. It may give private addresses only, in networks of modest size: a
 * server is not trusted with the way to the rest of the world.
 *
 * @throws {FrameError}
 */
export function decodeServerGreeting(body: Uint8Array): ServerGreeting {
  const { client, server, dns, search } = fields(body);
  const ours = addresses(client);
  const theirs = addresses(server);
  if (ours.length === 0) throw new FrameError("the server gave no address");
  const names = dns === undefined && search === undefined
    ? {}
    : { names: offeredNames(dns, search) };
  return { ...decodeGreeting(body), client: ours, server: theirs, ...names };
}

function offered(direct: DirectOffer | undefined): { direct?: unknown } {
  return direct === undefined ? {} : { direct: encodeOffer(direct) };
}

function encode(value: unknown): Uint8Array {
  return frame(FRAME_GREETING, new TextEncoder().encode(JSON.stringify(value)));
}

function fields(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new FrameError("the peer's greeting is not readable");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError("the peer's greeting is not readable");
  }
  const { version } = value as { version?: unknown };
  if (version !== 1) throw new FrameError("the peer speaks another version of dvpn");
  return value as Record<string, unknown>;
}

function addresses(value: unknown): InterfaceAddress[] {
  if (!Array.isArray(value) || value.length > MAX_ADDRESSES) {
    throw new FrameError("the server's addresses are not readable");
  }
  const list = value.map(address);
  if (new Set(list.map(({ family }) => family)).size < list.length) {
    throw new FrameError("the server gave two addresses of one family");
  }
  return list;
}

function address(value: unknown): InterfaceAddress {
  const [ip = "", bits = ""] = typeof value === "string" ? value.split("/") : [];
  if (!isIp(ip) || !/^\d{1,3}$/.test(bits)) throw new FrameError("the server gave no address");
  const bytes = parseIp(ip);
  const family = ipFamily(ip);
  const prefix = Number(bits);
  if (!isPrivate(bytes) || prefix < MIN_PREFIX[family] || prefix > bytes.length * 8) {
    throw new FrameError(`the server gave an address that is not its to give: ${ip}/${prefix}`);
  }
  return { family, ip: canonicalIp(ip), prefix };
}
