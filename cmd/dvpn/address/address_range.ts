import { formatIp, type IpFamily, isIp, parseIp } from "../../../lib/ip/mod.ts";
import { UsageError } from "../../tool/exit_code.ts";

/** A network that addresses are taken from. */
export interface AddressRange {
  readonly family: IpFamily;
  /** The network's own address, 4 or 16 bytes: host bits are zero. */
  readonly network: Uint8Array;
  /** Length of the network's prefix in bits. */
  readonly prefix: number;
}

/** An address of an interface with the network that it is in. */
export interface InterfaceAddress {
  readonly family: IpFamily;
  /** Canonical text. */
  readonly ip: string;
  /** Length of the network's prefix in bits. */
  readonly prefix: number;
}

/** Host numbers are below this: more peers than one server takes. */
const MAX_HOSTS = 2 ** 20;
/** Fewer addresses than this are no network of several. */
const MIN_HOST_BITS = 2;

/**
 * Reads `10.80.77.0/24` or `fd00:80::/64`, or upstream's beginning of an address: `10.80.77.` and
 * `fd00:80::`, which stand for the same.
 *
 * @throws {UsageError} when it is none, or not private, or too small
 */
export function parseAddressRange(text: string): AddressRange {
  const wrong = () =>
    new UsageError(
      `expects a network such as 10.80.77.0/24 or fd00:80::/64, not ${JSON.stringify(text)}`,
    );
  const [address, bits, ...more] = completed(text).split("/");
  if (address === undefined || bits === undefined || more.length > 0) throw wrong();
  if (!isIp(address) || !/^\d{1,3}$/.test(bits)) throw wrong();
  const network = parseIp(address);
  const prefix = Number(bits);
  const most = network.length * 8 - MIN_HOST_BITS;
  if (prefix < 8 || prefix > most) {
    throw new UsageError(`the prefix of ${text} must have 8 to ${most} bits`);
  }
  if (!isPrivate(network)) {
    throw new UsageError(`${text} is not private: take a part of 10.0.0.0/8 or of fd00::/8`);
  }
  for (let bit = prefix; bit < network.length * 8; bit++) network[bit >> 3]! &= ~(0x80 >> bit % 8);
  return { family: network.length === 4 ? 4 : 6, network, prefix };
}

/** `10.80.77.0/24`. */
export function formatAddressRange({ network, prefix }: AddressRange): string {
  return `${formatIp(network)}/${prefix}`;
}

/** `10.80.77.1/24`. */
export function formatInterfaceAddress({ ip, prefix }: InterfaceAddress): string {
  return `${ip}/${prefix}`;
}

/** How many hosts there can be; their numbers begin with 1. */
export function hostCount({ family, network, prefix }: AddressRange): number {
  // the last address of an IPv4 network is its broadcast address
  return Math.min(MAX_HOSTS, 2 ** (network.length * 8 - prefix) - (family === 4 ? 2 : 1));
}

/** The address of a host by its number. */
export function hostAddress(range: AddressRange, host: number): InterfaceAddress {
  const bytes = range.network.slice();
  const view = new DataView(bytes.buffer);
  const last = bytes.length - 4;
  view.setUint32(last, view.getUint32(last) + host);
  return { family: range.family, ip: formatIp(bytes), prefix: range.prefix };
}

/** The network itself, as an address with its prefix. */
export function networkAddress({ family, network, prefix }: AddressRange): InterfaceAddress {
  return { family, ip: formatIp(network), prefix };
}

/** Whether bytes are a private address: RFC 1918, RFC 6598, RFC 4193. */
export function isPrivate(bytes: Uint8Array): boolean {
  const [a, b] = [bytes[0]!, bytes[1]!];
  if (bytes.length === 16) return (a & 0xfe) === 0xfc;
  return a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168) ||
    (a === 100 && b >> 6 === 1);
}

/** Upstream gives the beginning of an address, which it appends a number to. */
function completed(text: string): string {
  if (/^(\d{1,3}\.){3}$/.test(text)) return `${text}0/24`;
  return text.endsWith("::") ? `${text}/64` : text;
}
