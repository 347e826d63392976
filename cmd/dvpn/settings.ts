import type { IpFamily } from "../../lib/ip/mod.ts";
import { UsageError } from "../tool/exit_code.ts";
import type { OptionValues } from "../tool/option.ts";
import { type AddressRange, parseAddressRange } from "./address/address_range.ts";
import { defaultRanges } from "./address/default_ranges.ts";
import type { Carry } from "./data/carriage.ts";
import { DEFAULT_DEVICE } from "./device_name.ts";
import { type MeshNetwork, meshNetwork } from "./mesh/member_addresses.ts";
import { DEFAULT_NETWORK } from "./mesh/network_name.ts";
import type { DvpnOptions } from "./options.ts";
import type { VpnConfiguration } from "./vpn_configuration.ts";

/**
 * Fits a QUIC datagram on a path of 1,500 bytes: 1,414 bytes, less what sealing adds; and leaves room
 * for IPv6 and for most tunnels that the path may lead through.
 */
const DEFAULT_MTU = 1380;

/** How this side of the network is to be. */
export interface VpnSettings {
  /** Name for the interface; `%d` stands for the first free number. */
  readonly device: string;
  /** Bytes. */
  readonly mtu: number;
  /** How packets travel. */
  readonly carry: Carry;
  /** Program to run when a peer is connected. */
  readonly script: string | undefined;
}

/** The networks that a server takes addresses from, one of each family. */
export interface AddressPlan {
  /** The server's own. */
  readonly own: readonly AddressRange[];
  /** The peers', of the same families; often the same. */
  readonly peers: readonly AddressRange[];
}

/** The settings of either side; a command line is stronger than the file of `-C`. */
export function vpnSettings(
  values: OptionValues<DvpnOptions>,
  file: VpnConfiguration,
): VpnSettings {
  return {
    device: values.device ?? DEFAULT_DEVICE,
    mtu: values.mtu ?? DEFAULT_MTU,
    carry: values.carry ?? "auto",
    script: values.script ?? file.script_path,
  };
}

/**
 * The network of a mesh: its name, and where IPv4 addresses are from.
 *
 * @throws {UsageError} when more than an IPv4 network is given: IPv6 addresses are from the name
 */
export function meshSettings(
  { network, range }: Pick<OptionValues<DvpnOptions>, "network" | "range">,
): MeshNetwork {
  const [ipv4, ...more] = range;
  if (more.length > 0 || ipv4?.family === 6) {
    throw new UsageError("--range: a mesh takes one IPv4 network; IPv6 follows from --network");
  }
  return meshNetwork(network ?? DEFAULT_NETWORK, ipv4);
}

/**
 * Where a server's addresses are from.
 *
 * @param id the server's own
 * @param families those that the interface can have addresses of
 * @throws {UsageError} when there are two of one family, or one for peers alone
 */
export function addressPlan(
  values: OptionValues<DvpnOptions>,
  file: VpnConfiguration,
  id: string,
  families: readonly IpFamily[],
): AddressPlan {
  if (values.range.length > 0) {
    const ranges = values.range.toSorted((a, b) => a.family - b.family);
    if (new Set(ranges.map(({ family }) => family)).size < ranges.length) {
      throw new UsageError("--range: give one IPv4 network, one IPv6 network, or one of each");
    }
    return { own: ranges, peers: ranges };
  }
  const pairs = [
    [file.ip_address, file.ip_peer_address ?? file.ip_address],
    [file.ip_address_ipv6, file.ip_peer_address_ipv6 ?? file.ip_address_ipv6],
  ].filter(([own, peers]) => own !== undefined || peers !== undefined);
  if (pairs.length === 0) {
    const ranges = defaultRanges(id).map(parseAddressRange)
      .filter(({ family }) => families.includes(family));
    return { own: ranges, peers: ranges };
  }
  const own = pairs.map(([one]) => one).filter((one) => one !== undefined);
  const peers = pairs.map(([, one]) => one).filter((one) => one !== undefined);
  if (own.length < pairs.length) {
    throw new UsageError("-C: ip_peer_address needs ip_address too, and for IPv6 likewise");
  }
  return { own, peers };
}
