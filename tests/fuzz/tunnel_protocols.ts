/** What `dvpn` takes from its peer, and what programs beside it send: frames, greetings, packets. */
import { hexToBytes } from "@noble/hashes/utils.js";
import {
  decodeGreeting,
  decodeServerGreeting,
  encodeGreeting,
  encodeServerGreeting,
} from "../../cmd/dvpn/data/greeting.ts";
import { frame, FRAME_GREETING, FRAME_PACKET, FrameError } from "../../cmd/dvpn/data/frame.ts";
import { FrameReader } from "../../cmd/dvpn/data/frame_reader.ts";
import { destinationKey } from "../../cmd/dvpn/data/address_filter.ts";
import { icmpError } from "../../cmd/dvpn/data/icmp_error.ts";
import { idsOf } from "../../cmd/dvpn/mesh/introductions.ts";
import { networkOf } from "../../cmd/dvpn/rules/network.ts";
import { PacketGate } from "../../cmd/dvpn/rules/packet_gate.ts";
import {
  PacketError,
  readOffloadedPacket,
  segment,
  VNET_HEADER_BYTES,
  writeVnetHeader,
} from "../../lib/net/tun/mod.ts";
import { decoder, type FuzzTarget } from "./target.ts";

/** 10 bytes of virtio_net_hdr before each: IPv4 TCP to be segmented, */
const TCP4 = hexToBytes(
  "01012800060014001000" + "45000034000040004006000a0a5000010a500002" +
    "1f90c3500000000100000001501000ff00000000" + "00112233445566778899aabb",
);
/** an echo request, */
const ECHO4 = hexToBytes(
  "00000000000000000000" + "4500001c000100004001f9e20a5000010a500002" + "0800f7fd00010001",
);
/** an error that quotes UDP, */
const ERROR4 = hexToBytes(
  "00000000000000000000" + "45000038000100004001f9c60a5000010a500002" + "0303000000000000" +
    "4500001c000100004011f9d20a5000020a500001" + "1f90c35000080000",
);
/** a fragment over IPv6, */
const FRAGMENT6 = hexToBytes(
  "00000000000000000000" + "60000000001c2c40" + "fd000000000000000000000000000001" +
    "fd000000000000000000000000000002" + "1100000100000007" +
    "1f90c3500014000000112233445566778899aabb",
);
/** and UDP over IPv6. */
const UDP6 = hexToBytes(
  "01000000000028000600" + "60000000000c1140" + "fd000000000000000000000000000001" +
    "fd000000000000000000000000000002" + "1f90c350000c0000" + "00112233",
);
const PACKETS = [TCP4, ECHO4, ERROR4, FRAGMENT6, UDP6];

const GREETINGS = [
  encodeGreeting({ mtu: 1400, segmentsUdp: true }),
  encodeServerGreeting({
    mtu: 1400,
    segmentsUdp: true,
    client: [{ family: 4, ip: "10.80.0.2", prefix: 24 }, { family: 6, ip: "fd00::2", prefix: 64 }],
    server: [{ family: 4, ip: "10.80.0.1", prefix: 24 }, { family: 6, ip: "fd00::1", prefix: 64 }],
    names: { servers: ["10.80.0.1"], search: ["example.org"] },
  }),
];

const frameStream: FuzzTarget = decoder(
  "dvpn frames",
  [...GREETINGS, ...PACKETS.map((packet) => frame(FRAME_PACKET, packet))],
  (bytes) => {
    const reader = new FrameReader();
    for (let at = 0; at < bytes.length;) {
      const room = reader.room(), count = Math.min(room.length, bytes.length - at, 1_000);
      room.set(bytes.subarray(at, at + count));
      reader.filled(count);
      at += count;
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next.kind !== FRAME_GREETING) continue;
        try {
          decodeGreeting(next.body);
          decodeServerGreeting(next.body);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
        }
      }
    }
  },
  FrameError,
);

/** The way of a packet from the peer to the kernel, and of one to the peer, through the rules. */
const packets: FuzzTarget = {
  name: "dvpn packets",
  samples: PACKETS,
  start() {
    let now = 0;
    const gate = new PacketGate(
      [{ network: networkOf("10.80.0.0", 30), protocol: "tcp", ports: undefined, allows: true }],
      () => now,
    );
    return {
      take(bytes) {
        now += 37;
        const packet = bytes.subarray(VNET_HEADER_BYTES);
        destinationKey(packet);
        if (packet.length > 0) gate.remember(packet);
        icmpError(packet, "unreachable");
        try {
          const offloaded = readOffloadedPacket(bytes);
          gate.admits(packet, offloaded);
          writeVnetHeader(bytes, offloaded);
          segment(packet, offloaded);
        } catch (error) {
          if (!(error instanceof PacketError)) throw error;
        }
      },
    };
  },
};

/** `dvpn`. */
export const TUNNEL_PROTOCOLS: readonly FuzzTarget[] = [
  frameStream,
  packets,
  decoder(
    "dvpn introductions",
    [new TextEncoder().encode(JSON.stringify(["ab".repeat(32), "cd".repeat(32)]))],
    (bytes) => idsOf(new TextDecoder().decode(bytes)),
  ),
];
