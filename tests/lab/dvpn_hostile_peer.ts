/**
 * A peer that does not play by the rules: `dvpn_hostile_peer.ts SERVER_ID BOOTSTRAP`. It gets itself
 * an address, then sends packets from another one, packets that are none, offload headers that do not
 * fit; prints `sent`; after a line on standard input what is no frame. Prints `done` when the server has hung up.
 *
 * @module
 */
import { frame, FRAME_PACKET } from "../../cmd/dvpn/data/frame.ts";
import { decodeServerGreeting, encodeGreeting } from "../../cmd/dvpn/data/greeting.ts";
import { FrameReader } from "../../cmd/dvpn/data/frame_reader.ts";
import { createAuthority, createDevice } from "../../lib/identity/mod.ts";
import { parseIp } from "../../lib/ip/mod.ts";
import { onesSum, writeChecksum } from "../../lib/net/tun/mod.ts";
import { Endpoint } from "../../mod.ts";

const [serverId, bootstrap] = Deno.args;
const identity = await createDevice("hostile", await createAuthority("hostile"));
await using endpoint = await Endpoint.start({
  identity,
  bootstrap: [bootstrap!],
  discovery: false,
  portMapping: false,
});
const channel = await endpoint.connect(serverId!, "dvpn://");
await channel.write(encodeGreeting({ mtu: 1380, segmentsUdp: true }));
const reader = new FrameReader();
reader.filled((await channel.read(reader.room()))!);
const { client, server } = decodeServerGreeting(reader.next()!.body);
const own = parseIp(client[0]!.ip);
const target = parseIp(server[0]!.ip);

/** An ICMP echo request behind an offload header. */
function echo(from: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(10 + 28);
  const packet = bytes.subarray(10);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1]);
  packet.set(from, 12);
  packet.set(target, 16);
  writeChecksum(packet, 10, onesSum(packet, 0, 20));
  packet[20] = 8;
  writeChecksum(packet, 22, onesSum(packet, 20, 28));
  return bytes;
}

const send = (body: Uint8Array) => channel.write(frame(FRAME_PACKET, body));
await send(echo(own));
const [a, b, c, d] = own as Uint8Array & [number, number, number, number];
for (const spoofed of [Uint8Array.of(a, b, c, d ^ 1), target, Uint8Array.of(8, 8, 8, 8)]) {
  await send(echo(spoofed));
}
const segmented = echo(own);
segmented.set([1, 1, 0xff, 0xff, 1, 0, 20, 0, 2, 0]); // TCP segments of one byte, of ICMP
const checksum = echo(own);
checksum.set([1, 0, 0, 0, 0, 0, 20, 0, 0xff, 0xff]); // a checksum outside
for (const malformed of [new Uint8Array(5), echo(own).subarray(0, 20), segmented, checksum]) {
  await send(malformed);
}
console.log("sent");
await Deno.stdin.read(new Uint8Array(1));
await channel.write(Uint8Array.of(9, 9, 9, 9)); // no frame
try {
  while (await channel.read(new Uint8Array(4096)) !== null);
} catch {
  // the server has hung up
}
console.log("done");
