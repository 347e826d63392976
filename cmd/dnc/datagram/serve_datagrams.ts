import { equalSocketAddress, ipFamily, ipScope, type SocketAddress } from "../../../lib/ip/mod.ts";
import { resolveHost } from "../../../lib/net/resolve_host.ts";
import { bindUdp, type UdpSocket } from "../../../lib/net/udp_socket.ts";
import type { PeerChannel } from "../../peer/peer_channel.ts";
import { DatagramChannel } from "./datagram_channel.ts";

/** A UDP socket of our own for one flow, and where its datagrams go to. */
export interface DatagramTarget {
  readonly socket: UdpSocket;
  readonly remote: SocketAddress;
}

/**
 * Opens a socket toward a UDP service. Nothing is sent: whether somebody is there, only answers
 * tell.
 *
 * @throws {NetError} when the host has no address, or no socket can be had
 */
export async function openDatagramTarget(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<DatagramTarget> {
  const [ip] = await resolveHost(host, { signal });
  return { socket: await bindUdp({ ip: sourceToward(ip!) }), remote: { ip: ip!, port } };
}

/**
 * Carries datagrams between a channel and a UDP service until the peer ends the flow: it alone knows
 * whether more is to come. What others send to our socket is dropped.
 *
 * @throws {ChannelError} when the channel breaks
 */
export async function serveDatagrams(
  channel: PeerChannel,
  { socket, remote }: DatagramTarget,
): Promise<void> {
  const flow = new DatagramChannel(channel);
  socket.onDatagram = (bytes, from) => {
    if (equalSocketAddress(from, remote)) flow.send(bytes);
  };
  try {
    for await (const datagram of flow.datagrams()) socket.send(datagram, remote);
  } finally {
    await socket.close();
  }
}

/** A service on this machine is asked from this machine's own address. */
function sourceToward(ip: string): string {
  const isIpv6 = ipFamily(ip) === 6;
  if (ipScope(ip) === "loopback") return isIpv6 ? "::1" : "127.0.0.1";
  return isIpv6 ? "::" : "0.0.0.0";
}
