import {
  type IpPacket,
  type OffloadedPacket,
  PacketError,
  PROTOCOL_UDP,
  readOffloadedPacket,
  segment,
  VNET_HEADER_BYTES,
  writeVnetHeader,
} from "../../../lib/net/tun/mod.ts";
import type { AddressFilter } from "./address_filter.ts";
import type { PacketDevice } from "./packet_device.ts";
import type { Traffic } from "./traffic.ts";

/** Which packets of a peer are let in. */
export interface Admission {
  /** Addresses that they may come from; absent: from anywhere but ours. */
  readonly from?: AddressFilter;
  /** Addresses that they may not come from. */
  readonly notFrom?: AddressFilter;
  /** Addresses that they may be for; absent: for anybody. */
  readonly to?: AddressFilter;
  /** Decides by rules; absent: there are none. */
  readonly gate?: Gate;
  /** Answers a packet that the gate does not let in; offload header and packet. */
  readonly refuse?: (bytes: Uint8Array) => void;
  /**
   * Takes packets that are not for this host.
   *
   * @param bytes offload header and packet; valid for the time of the call, and may be changed
   * @returns false: the kernel is to have it
   */
  readonly elsewhere?: (bytes: Uint8Array) => boolean;
}

/** Decides which packets pass. */
export interface Gate {
  /** @param bytes the packet, and where things are in it */
  admits(bytes: Uint8Array, packet: IpPacket): boolean;
}

/**
 * Gives a peer's packet to the kernel, if it may come in: whatever a peer sends, the kernel sees
 * only whole packets from the peer's own addresses behind an offload header that fits them.
 *
 * @param bytes offload header and packet
 */
export function admit(
  bytes: Uint8Array<ArrayBuffer>,
  device: PacketDevice,
  { from, notFrom, to, gate, refuse, elsewhere }: Admission,
  traffic: Traffic,
): void {
  let packet: OffloadedPacket;
  try {
    packet = readOffloadedPacket(bytes);
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    traffic.drops.malformed++;
    return;
  }
  const { family } = packet;
  const source = VNET_HEADER_BYTES + packet.source;
  const destination = VNET_HEADER_BYTES + packet.destination;
  if (
    from?.passes(bytes, family, source) === false || notFrom?.passes(bytes, family, source) ||
    to?.passes(bytes, family, destination) === false
  ) {
    traffic.drops.spoofed++;
    return;
  }
  if (gate?.admits(bytes.subarray(VNET_HEADER_BYTES), packet) === false) {
    traffic.drops.forbidden++;
    refuse?.(bytes);
    return;
  }
  traffic.packetsReceived++;
  traffic.bytesReceived += bytes.length - VNET_HEADER_BYTES;
  writeVnetHeader(bytes, packet);
  if (elsewhere?.(bytes)) return;
  const segmented = packet.segmentBytes > 0 && packet.protocol === PROTOCOL_UDP &&
    !device.segmentsUdp;
  if (segmented) return writeSegments(bytes, packet, device, traffic);
  if (!device.write(bytes)) traffic.drops.refused++;
}

/** For kernels that do not take segmented UDP. */
function writeSegments(
  bytes: Uint8Array,
  packet: OffloadedPacket,
  device: PacketDevice,
  traffic: Traffic,
): void {
  for (const one of segment(bytes.subarray(VNET_HEADER_BYTES), packet)) {
    const whole = new Uint8Array(VNET_HEADER_BYTES + one.length);
    whole.set(one, VNET_HEADER_BYTES);
    if (!device.write(whole)) traffic.drops.refused++;
  }
}
