/**
 * The bound of a DHT node in this runtime: takes a datagram and sends one as long as a reply with eight
 * nodes, and does nothing else. Runs until it is stopped.
 *
 * @module
 */
import { encodePacket } from "../../lib/dht/mod.ts";

const conn = Deno.listenDatagram({
  transport: "udp",
  hostname: "127.0.0.1",
  port: Number(Deno.args[1]),
});
const reply = encodePacket({
  kind: "reply",
  tid: 0x1_0000,
  agent: "dn0",
  id: new Uint8Array(20).fill(1),
  seenAs: new Uint8Array(4),
  nodes4: new Uint8Array(8 * 26),
  token: new Uint8Array(16),
});
const buffer = new Uint8Array(65_536);
for (;;) {
  const [, from] = await conn.receive(buffer);
  await conn.send(reply, from);
}
