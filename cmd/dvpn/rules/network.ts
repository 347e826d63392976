import { formatIp, type IpFamily, isIp, parseIp } from "../../../lib/ip/mod.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { port } from "../../tool/option.ts";

/** A network, or one address: the bits after the prefix do not count. */
export interface Network {
  readonly family: IpFamily;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Length of the prefix, bits. */
  readonly prefix: number;
}

/** Ports in a row, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What packets may be for. */
export interface Destination {
  readonly network: Network;
  /** Undefined: any port, and protocols without ports. */
  readonly ports: PortRange | undefined;
}

/** Everything of a family. */
export const EVERYWHERE: readonly Network[] = [
  { family: 4, address: new Uint8Array(4), prefix: 0 },
  { family: 6, address: new Uint8Array(16), prefix: 0 },
];

/**
 * Reads `10.80.77.1`, `192.168.1.0/24:443`, `192.168.1.7:8000-8100`, `fd00::/8`, `[fd00::1]:22`.
 *
 * @throws {UsageError}
 */
export function parseDestination(text: string): Destination {
  const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? /^([^:]*)(?::([^:]*))?$/.exec(text) ??
    [text, text, undefined];
  const [, network, ports] = match;
  return {
    network: parseNetwork(network!, text),
    ports: ports === undefined ? undefined : parsePorts(ports),
  };
}

/** Whether an address, as it stands in a packet, lies in a network of the same family. */
export function covers(
  { family, address, prefix }: Network,
  ofFamily: IpFamily,
  packet: Uint8Array,
  at: number,
): boolean {
  if (family !== ofFamily) return false;
  const whole = prefix >> 3;
  for (let index = 0; index < whole; index++) {
    if (address[index] !== packet[at + index]) return false;
  }
  const rest = prefix & 7;
  return rest === 0 || (address[whole]! ^ packet[at + whole]!) >> 8 - rest === 0;
}

/** Whether a network lies in another. */
export function liesIn(inner: Network, outer: Network): boolean {
  return inner.prefix >= outer.prefix && covers(outer, inner.family, inner.address, 0);
}

/** The network of an address with the length of its prefix; all of its bits by default. */
export function networkOf(ip: string, prefix?: number): Network {
  const address = parseIp(ip);
  return {
    family: address.length === 4 ? 4 : 6,
    address,
    prefix: prefix ?? address.length * 8,
  };
}

function parseNetwork(text: string, whole: string): Network {
  const [ip = "", bits, ...more] = text.split("/");
  const wrong = () =>
    new UsageError(
      `expects an address or a network, such as 10.80.77.1:22, 192.168.1.0/24 or [fd00::/8]:443, ` +
        `not ${JSON.stringify(whole)}`,
    );
  if (!isIp(ip) || more.length > 0 || !/^\d{1,3}$/.test(bits ?? "0")) throw wrong();
  const network = networkOf(ip, bits === undefined ? undefined : Number(bits));
  if (network.prefix > network.address.length * 8) throw wrong();
  for (let bit = network.prefix; bit < network.address.length * 8; bit++) {
    if ((network.address[bit >> 3]! & 0x80 >> bit % 8) === 0) continue;
    // More likely a mistake than another way to write the network.
    throw new UsageError(`${formatIp(network.address)} has bits beyond its prefix of ${bits}`);
  }
  return network;
}

function parsePorts(text: string): PortRange {
  const [first = "", last = first, ...more] = text.split("-");
  const range = { first: port(first), last: port(last) };
  if (more.length === 0 && range.first <= range.last) return range;
  throw new UsageError(`expects a port, or ports such as 8000-8100, not ${JSON.stringify(text)}`);
}
