import { formatSocketAddress } from "../../../lib/ip/mod.ts";
import type { UdpSocket } from "../../../lib/net/udp_socket.ts";
import { DatagramChannel } from "../datagram/datagram_channel.ts";
import { formatServiceName } from "../service_name.ts";
import { failureMessage } from "../../peer/failure.ts";
import { formatTarget, type Target } from "../../peer/target.ts";
import type { Report } from "../../peer/report.ts";
import type { DatagramForward } from "./forward_spec.ts";
import { listenUdp } from "./listening_sockets.ts";
import { cannotListen } from "./local_listener.ts";
import type { PeerLink } from "./peer_link.ts";

/** Sources of datagrams at once; of those with a channel, the longest silent makes room for another. */
const MAX_FLOWS = 1_024;
/** A source without a datagram for so long is gone, ms: what NATs keep (RFC 4787, REQ-5). */
const IDLE_TIMEOUT_MS = 120_000;
/** Datagrams of one source that wait for its channel; further ones are lost. */
const MAX_WAITING = 64;

/** A source's channel, or the datagrams that wait for it. */
interface Flow {
  channel: DatagramChannel | undefined;
  readonly waiting: Uint8Array[];
}

/** A UDP address of ours whose datagrams go to a service at the peer's side: `--udp -L`. */
export class DatagramForwarding {
  /** Where it listens, with the port that the system chose. */
  readonly from: Target;
  readonly #sockets: readonly UdpSocket[];
  readonly #flows = new Map<string, Flow>();

  private constructor(sockets: readonly UdpSocket[]) {
    this.#sockets = sockets;
    const { ip, port } = sockets[0]!.local;
    this.from = { host: ip, port };
  }

  /** Binds the address. @throws {ToolError} when it is in use, or not ours */
  static async open({ from }: DatagramForward): Promise<DatagramForwarding> {
    try {
      return new DatagramForwarding(await listenUdp(from));
    } catch (cause) {
      throw cannotListen(formatTarget(from), cause);
    }
  }

  /** Begins to forward, a channel for each source, until the socket is closed. */
  start(link: PeerLink, { to }: DatagramForward, report: Report): void {
    const name = formatServiceName(to);
    const open = () => link.open(name);
    for (const socket of this.#sockets) this.#serve(socket, open, report);
  }

  /** Ends all flows. */
  async close(): Promise<void> {
    for (const { channel } of this.#flows.values()) channel?.close();
    this.#flows.clear();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  #serve(socket: UdpSocket, open: () => ReturnType<PeerLink["open"]>, report: Report): void {
    socket.onDatagram = (bytes, source) => {
      const key = formatSocketAddress(source);
      const flow = this.#flows.get(key) ??
        this.#begin(key, (datagram) => socket.send(datagram, source), open, report);
      if (flow === undefined) return;
      this.#flows.delete(key);
      this.#flows.set(key, flow);
      if (flow.channel !== undefined) flow.channel.send(bytes);
      else if (flow.waiting.length < MAX_WAITING) flow.waiting.push(bytes);
    };
  }

  /** A channel that is being opened cannot be given up: it would come, and count for nobody. */
  #makeRoom(): boolean {
    if (this.#flows.size < MAX_FLOWS) return true;
    for (const [key, { channel }] of this.#flows) {
      if (channel === undefined) continue;
      channel.close();
      return this.#flows.delete(key);
    }
    return false;
  }

  #begin(
    key: string,
    answer: (datagram: Uint8Array) => void,
    open: () => ReturnType<PeerLink["open"]>,
    report: Report,
  ): Flow | undefined {
    if (!this.#makeRoom()) return undefined;
    const flow: Flow = { channel: undefined, waiting: [] };
    const run = async () => {
      try {
        const channel = await open();
        if (this.#flows.get(key) !== flow) return channel.close(); // all flows have ended meanwhile
        flow.channel = new DatagramChannel(channel, IDLE_TIMEOUT_MS);
        for (const datagram of flow.waiting.splice(0)) flow.channel.send(datagram);
        for await (const datagram of flow.channel.datagrams()) answer(datagram);
      } finally {
        if (this.#flows.get(key) === flow) this.#flows.delete(key);
      }
    };
    run().catch((error) => report.notice(`${key}: ${failureMessage(error)}`));
    return flow;
  }
}
