import assert from "node:assert/strict";
import { DatagramCarriage } from "../../../cmd/dvpn/data/carriage.ts";
import { exchangePackets } from "../../../cmd/dvpn/data/exchange_packets.ts";
import { PeerLink } from "../../../cmd/dvpn/data/peer_link.ts";
import { Uplink } from "../../../cmd/dvpn/data/uplink.ts";
import type { PeerChannel } from "../../../cmd/peer/peer_channel.ts";
import { NetError } from "../../../lib/net/net_error.ts";
import { ipPacket } from "../../net/tun/packets.ts";
import { MemoryDevice } from "./memory_device.ts";

/** A device whose reads fail. */
class FailingDevice extends MemoryDevice {
  error: Error | undefined;

  override read(into: Uint8Array): number {
    if (this.error !== undefined) throw this.error;
    return super.read(into);
  }
}

Deno.test("dvpn exchange: that the interface is gone is the uplink's to report", async () => {
  const device = new FailingDevice();
  const ended = Promise.withResolvers<null>();
  const channel = { read: () => ended.promise, reset: () => {} } as unknown as PeerChannel;
  const datagrams = {
    maxBytes: 0,
    send: () => false,
    onDatagram: (_packet: Uint8Array): boolean | void => {},
    close: () => {},
  };
  const link = new PeerLink("a", channel, new DatagramCarriage(datagrams, "auto"));
  const uplink = new Uplink(device, { route: () => undefined, unrouted() {} });
  const exchange = exchangePackets(link, device, uplink, {});
  const packet = ipPacket({ family: 4, protocol: "udp", payload: new Uint8Array(1) });
  device.error = new NetError("closed", "the interface t0 is gone");
  assert.equal(datagrams.onDatagram(packet), true);
  assert.throws(() => uplink.drain(), { code: "closed" });
  device.error = new Error("a mistake of ours");
  assert.throws(() => datagrams.onDatagram(packet), /mistake/);
  ended.resolve(null);
  await exchange;
});
