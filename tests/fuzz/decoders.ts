import { hexToBytes } from "@noble/hashes/utils.js";
import { SocksHandshake } from "../../cmd/dnc/socks/socks5.ts";
import { decodeMsgpack, decodePacket, decodeValue, DhtDecodeError } from "../../lib/dht/mod.ts";
import { decodeDiscovery, encodeDiscoveryAnnouncement } from "../../lib/dht/discovery_codec.ts";
import { SignallingError } from "../../lib/endpoint/signalling/signalling_error.ts";
import { decodeMessage as decodeSignal, readBody } from "../../lib/endpoint/signalling/body.ts";
import { encodeRequest } from "../../lib/endpoint/signalling/mod.ts";
import { CandidateDecodeError, decodeCandidate, encodeCandidate } from "../../lib/ice/mod.ts";
import { NetError } from "../../lib/net/mod.ts";
import { FrameParser } from "../../lib/net/frame_parser.ts";
import { readOffloadedPacket } from "../../lib/net/tun/vnet_header.ts";
import { PacketError } from "../../lib/net/tun/packet_error.ts";
import { PortmapDecodeError } from "../../lib/portmap/mod.ts";
import { parseDescription } from "../../lib/portmap/igd_description.ts";
import { decodeHttpResponse } from "../../lib/portmap/http_response.ts";
import { decodeNatPmpResponse } from "../../lib/portmap/nat_pmp_message.ts";
import { decodePcpResponse } from "../../lib/portmap/pcp_message.ts";
import { decodeSoapResponse } from "../../lib/portmap/soap_message.ts";
import { decodeSearchResponse } from "../../lib/portmap/ssdp_message.ts";
import { readFrames } from "../../lib/session/frame.ts";
import { RecordReader } from "../../lib/session/record_reader.ts";
import { decodeMessage, StunDecodeError } from "../../lib/stun/mod.ts";
import { decodeChannelData } from "../../lib/turn/channel_data.ts";
import rfc5769 from "../vectors/rfc5769/rfc5769.json" with { type: "json" };
import { decoder, type FuzzTarget } from "./target.ts";

const text = (content: string) => new TextEncoder().encode(content);
const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Packets of real OpenDHT nodes. */
export const DHT_PACKETS: readonly Uint8Array[] = Deno.readTextFileSync(
  new URL("../vectors/opendht/packets.jsonl", import.meta.url),
).trim().split("\n").map((line) => hexToBytes(JSON.parse(line).hex)).filter(({ length }) =>
  length < 1500
).slice(0, 400);

/** The messages of RFC 5769. */
export const STUN_MESSAGES: readonly Uint8Array[] = rfc5769.vectors.map(({ hex }) =>
  hexToBytes(hex)
);

const DESCRIPTION = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><URLBase>
http://192.0.2.1:80/</URLBase><device><deviceList><device><serviceList><service><serviceType>
urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl/IPConn</controlURL>
</service></serviceList></device></deviceList></device></root>`;
const SOAP = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<u:GetExternalIPAddressResponse xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1">
<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body>
</s:Envelope>`;
const HTTP = `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n
5\r\nhello\r\n0\r\n\r\n`.replace("\r\n\n", "\r\n");
const SSDP = "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n" +
  "USN: uuid:1\r\nLOCATION: http://192.0.2.1:5000/rootDesc.xml\r\n\r\n";

/** An offloaded IPv4 TCP segment: 10 bytes of virtio_net_hdr, 20 of IP, 20 of TCP, 12 of payload. */
const OFFLOADED = hexToBytes(
  "01012800600014001000" + "45000034000040004006000a0a5000010a500002" +
    "1f90c3500000000100000001501000ff00000000" + "00112233445566778899aabb",
);

/** The decoders of whatever comes from the network or from a router. */
export const DECODERS: readonly FuzzTarget[] = [
  decoder("STUN message", STUN_MESSAGES, decodeMessage, StunDecodeError),
  decoder("TURN channel data", [hexToBytes("400000040011223300")], decodeChannelData),
  decoder(
    "ICE candidate",
    [
      encodeCandidate({
        foundation: "f1",
        component: 1,
        transport: "udp",
        priority: 2130706431,
        address: { ip: "192.0.2.1", port: 4000 },
        type: "host",
      }),
      encodeCandidate({
        foundation: "f2",
        component: 1,
        transport: "tcp",
        priority: 1,
        address: { ip: "2001:db8::1", port: 9 },
        type: "srflx",
        tcpType: "active",
        related: { ip: "10.0.0.1", port: 9 },
      }),
    ],
    decodeCandidate,
    CandidateDecodeError,
  ),
  decoder("RFC 4571 frames", [hexToBytes("0003aabbcc0001dd0000eeff")], (bytes) => {
    const parser = new FrameParser();
    parser.push(bytes.subarray(0, bytes.length >> 1), () => {});
    parser.push(bytes.subarray(bytes.length >> 1), () => {});
  }, NetError),
  decoder("msgpack", DHT_PACKETS, decodeMsgpack, DhtDecodeError),
  decoder("DHT packet", DHT_PACKETS, decodePacket, DhtDecodeError),
  decoder("DHT value", DHT_PACKETS, decodeValue, DhtDecodeError),
  decoder(
    "DHT discovery",
    [encodeDiscoveryAnnouncement({ id: new Uint8Array(20), port: 4222, networkId: 0 })],
    decodeDiscovery,
    DhtDecodeError,
  ),
  decoder(
    "signalling message",
    [encodeRequest({
      version: 1,
      connectionId: new Uint8Array(16),
      time: 1_767_225_600_000,
      chain: [new Uint8Array(30), new Uint8Array(40)],
      ufrag: "ufra",
      pwd: "p".repeat(22),
      candidates: [new Uint8Array(24)],
      options: { transport: "tcp", resume: new Uint8Array(16) },
    })],
    (bytes) => readBody(decodeSignal(bytes)[1]),
    SignallingError,
  ),
  decoder(
    "mux frames",
    [hexToBytes("0100000400000001aabbccdd02000000000000ff")],
    (bytes) => readFrames(bytes, () => {}),
  ),
  decoder("records", [hexToBytes("00001000" + "ab".repeat(32))], (bytes) => {
    const reader = new RecordReader();
    reader.read(bytes.subarray(0, bytes.length >> 1), () => true);
    reader.read(bytes.subarray(bytes.length >> 1), () => true);
  }),
  decoder(
    "SOCKS5",
    [
      hexToBytes("050100" + "05010001c00002010050"),
      hexToBytes("050100" + "050100030b6578616d706c652e6f72670050"),
    ],
    (bytes) => {
      const handshake = new SocksHandshake();
      const half = bytes.length >> 1;
      if (handshake.push(bytes.subarray(0, half)).kind === "more") {
        handshake.push(bytes.subarray(half));
      }
    },
  ),
  decoder("SSDP", [text(SSDP)], decodeSearchResponse, PortmapDecodeError),
  decoder(
    "HTTP of a router",
    [text(HTTP)],
    (bytes) => decodeHttpResponse(bytes, true),
    PortmapDecodeError,
  ),
  decoder(
    "UPnP description",
    [text(DESCRIPTION)],
    (bytes) => parseDescription(utf8(bytes), "http://192.0.2.1:80/desc.xml", "192.0.2.1"),
    PortmapDecodeError,
  ),
  decoder(
    "SOAP",
    [text(SOAP)],
    (bytes) => decodeSoapResponse(utf8(bytes), "GetExternalIPAddress"),
    PortmapDecodeError,
  ),
  decoder(
    "NAT-PMP",
    [hexToBytes("0080000000000009cb007107"), hexToBytes("00820000000000091f401f4000000e10")],
    decodeNatPmpResponse,
    PortmapDecodeError,
  ),
  decoder(
    "PCP",
    [hexToBytes(
      "0281000000000e1000000001" + "00".repeat(12) + "ab".repeat(12) +
        "06000000" + "1f901f90" + "00000000000000000000ffffcb007107",
    )],
    decodePcpResponse,
    PortmapDecodeError,
  ),
  decoder("TUN packet with offload header", [OFFLOADED], readOffloadedPacket, PacketError),
];
