import { NetError } from "../../../lib/net/net_error.ts";
import { type Admission, admit } from "./downlink.ts";
import type { PacketDevice } from "./packet_device.ts";
import type { PeerLink } from "./peer_link.ts";
import { Unreachable } from "./unreachable.ts";
import type { Uplink } from "./uplink.ts";

/**
 * Gives a peer's packets to the kernel, if they may come in, and answers those that may not; what the
 * kernel answers goes back with the next packet. Until the peer ends the channel.
 *
 * @param admission which packets are let in; what is refused is answered here
 * @throws {FrameError} when the peer sends something else
 * @throws {ChannelError} when the channel ends in another way
 */
export async function exchangePackets(
  link: PeerLink,
  device: PacketDevice,
  uplink: Uplink,
  admission: Omit<Admission, "refuse">,
): Promise<void> {
  const refused = new Unreachable((answer) => uplink.pass(link, answer));
  const refuse = (bytes: Uint8Array) => refused.take(bytes, "prohibited");
  const whole = { ...admission, refuse };
  await link.receive(
    (bytes) => admit(bytes, device, whole, link.traffic),
    () => drainIfThere(uplink),
  );
}

/**
 * A peer's packet may come when the interface is gone already, and datagrams come to whoever waits
 * for the socket of all peers: {@linkcode Uplink.run} is the one to tell.
 */
function drainIfThere(uplink: Uplink): boolean {
  try {
    return uplink.drainOnTheSpot();
  } catch (error) {
    if (error instanceof NetError && error.code === "closed") return true;
    throw error;
  }
}
