import { formatIp, type IpFamily, isIp, parseIp } from "../../../lib/ip/mod.ts";
import { UsageError } from "../../tool/exit_code.ts";

/** A network that is reached through the tunnel. */
export interface Route {
  readonly family: IpFamily;
  /** Canonical text with the length of the prefix: `10.20.0.0/16`. */
  readonly network: string;
  /** Length of the prefix, bits. */
  readonly prefix: number;
}

/** All that there is: what `--default-route` stands for. */
export const DEFAULT_ROUTES: readonly Route[] = [
  { family: 4, network: "0.0.0.0/0", prefix: 0 },
  { family: 6, network: "::/0", prefix: 0 },
];

/**
 * Reads `10.20.0.0/16`, `fd12::/48`, or one address.
 *
 * @throws {UsageError} when it is none of these, or has bits beyond its prefix
 */
export function parseRoute(text: string): Route {
  const [address = "", bits, ...more] = text.split("/");
  const wrong = new UsageError(
    `expects a network such as 10.20.0.0/16 or fd12::/48, not ${JSON.stringify(text)}`,
  );
  if (more.length > 0 || !isIp(address) || !/^\d{1,3}$/.test(bits ?? "0")) throw wrong;
  const bytes = parseIp(address);
  const prefix = bits === undefined ? bytes.length * 8 : Number(bits);
  if (prefix > bytes.length * 8) throw wrong;
  const network = bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff00 >> kept);
  });
  if (formatIp(network) !== formatIp(bytes)) {
    throw new UsageError(`${text} has bits beyond its prefix: ${formatIp(network)}/${prefix}?`);
  }
  return {
    family: bytes.length === 4 ? 4 : 6,
    network: `${formatIp(network)}/${prefix}`,
    prefix,
  };
}
