import type { OptionValues } from "../tool/option.ts";
import { UsageError } from "../tool/exit_code.ts";
import { type AddressRange, parseAddressRange } from "./address/address_range.ts";
import { defaultRanges } from "./address/default_ranges.ts";
import type { Carry } from "./data/carriage.ts";
import { DEFAULT_DEVICE } from "./device_name.ts";
import type { DvpnOptions } from "./options.ts";

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

/** The settings of either side. */
export function vpnSettings(values: OptionValues<DvpnOptions>): VpnSettings {
  return {
    device: values.device ?? DEFAULT_DEVICE,
    mtu: values.mtu ?? DEFAULT_MTU,
    carry: values.carry ?? "auto",
    script: values.script,
  };
}

/**
 * The networks that a server takes addresses from.
 *
 * @param id the server's own
 * @throws {UsageError} when there are two of one family
 */
export function addressRanges(values: OptionValues<DvpnOptions>, id: string): AddressRange[] {
  const ranges = values.range.length > 0
    ? [...values.range]
    : defaultRanges(id).map(parseAddressRange);
  ranges.sort((a, b) => a.family - b.family);
  if (new Set(ranges.map(({ family }) => family)).size < ranges.length) {
    throw new UsageError("--range: give one IPv4 network, one IPv6 network, or one of each");
  }
  return ranges;
}
