import {
  GSO_TCP4,
  GSO_TCP6,
  GSO_UDP,
  onesSum,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeaderSum,
  readIpPacket,
  VNET_HEADER_BYTES,
  writeChecksum,
  writeIpv4Checksum,
} from "../../../lib/net/tun/mod.ts";

/** What a test packet is made from. */
export interface PacketRecipe {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly payload: Uint8Array;
  /** TCP flags. */
  readonly flags?: number;
  readonly sequence?: number;
  readonly identification?: number;
}

/** An IP packet with correct checksums. */
export function ipPacket(recipe: PacketRecipe): Uint8Array<ArrayBuffer> {
  const { family, protocol, payload } = recipe;
  const transport = family === 4 ? 20 : 40;
  const transportHeader = protocol === "tcp" ? 20 : 8;
  const bytes = new Uint8Array(transport + transportHeader + payload.length);
  const view = new DataView(bytes.buffer);
  const number = protocol === "tcp" ? PROTOCOL_TCP : PROTOCOL_UDP;
  if (family === 4) {
    bytes.set([0x45, 0]);
    view.setUint16(2, bytes.length);
    view.setUint16(4, recipe.identification ?? 0);
    bytes.set([0x40, 0, 64, number], 6);
    bytes.set([10, 80, 77, 2, 10, 80, 77, 1], 12);
    writeIpv4Checksum(bytes, 20);
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, bytes.length - 40);
    bytes.set([number, 64], 6);
    bytes.set([0xfd, 1], 8);
    bytes.set([0xfd, 1], 24);
    bytes[23] = 2;
    bytes[39] = 1;
  }
  view.setUint16(transport, 40_000);
  view.setUint16(transport + 2, 5201);
  if (protocol === "tcp") {
    view.setUint32(transport + 4, recipe.sequence ?? 1);
    bytes[transport + 12] = 0x50;
    bytes[transport + 13] = recipe.flags ?? 0x10;
  } else {
    view.setUint16(transport + 4, bytes.length - transport);
  }
  bytes.set(payload, transport + transportHeader);
  const checksumAt = transport + (protocol === "tcp" ? 16 : 6);
  const sum = pseudoHeaderSum(bytes, readIpPacket(bytes), bytes.length - transport);
  const whole = onesSum(bytes, transport, bytes.length, sum);
  writeChecksum(bytes, checksumAt, protocol === "udp" && whole === 0xffff ? 0 : whole);
  return bytes;
}

/** The same packet as the kernel hands it over: behind an offload header, the checksum half done. */
export function offloaded(recipe: PacketRecipe, segmentBytes: number): Uint8Array<ArrayBuffer> {
  const { family, protocol } = recipe;
  const packet = ipPacket(recipe);
  const transport = family === 4 ? 20 : 40;
  const offset = protocol === "tcp" ? 16 : 6;
  const sum = pseudoHeaderSum(packet, readIpPacket(packet), packet.length - transport);
  writeChecksum(packet, transport + offset, ~sum & 0xffff);
  const bytes = new Uint8Array(VNET_HEADER_BYTES + packet.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint16(6, transport, true);
  view.setUint16(8, offset, true);
  if (segmentBytes > 0) {
    bytes[1] = protocol === "udp" ? GSO_UDP : family === 4 ? GSO_TCP4 : GSO_TCP6;
    view.setUint16(2, transport + (protocol === "tcp" ? 20 : 8), true);
    view.setUint16(4, segmentBytes, true);
  }
  bytes.set(packet, VNET_HEADER_BYTES);
  return bytes;
}
