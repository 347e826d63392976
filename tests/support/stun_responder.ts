import type { SocketAddress } from "../../lib/ip/mod.ts";
import { bindUdp, type UdpSocket } from "../../lib/net/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  ErrorCode,
  isStun,
  OtherAddress,
  uint32Codec,
  XorMappedAddress,
} from "../../lib/stun/mod.ts";

const ChangeRequest = uint32Codec(0x0003, "CHANGE-REQUEST");

/** The two IPs and two ports of a server for discovering NAT behaviour (RFC 5780 §6). */
export interface ResponderAddresses {
  readonly ips: readonly [string, string];
  readonly ports: readonly [number, number];
}

/** The four addresses, in all combinations. */
export function allAddresses({ ips, ports }: ResponderAddresses): SocketAddress[] {
  return ips.flatMap((ip) => ports.map((port) => ({ ip, port })));
}

/**
 * Answers a Binding request as a server with RFC 5780 does.
 *
 * @param at the one of its addresses that was asked
 * @returns from which of its addresses to send what; undefined for what is no request
 */
export function answerBinding(
  request: Uint8Array,
  from: SocketAddress,
  at: SocketAddress,
  { ips, ports }: ResponderAddresses,
): { via: SocketAddress; bytes: Uint8Array } | undefined {
  if (!isStun(request)) return undefined;
  const { messageClass, method, transactionId, ...message } = decoded(request);
  if (messageClass !== "request") return undefined;
  const change = message.change ?? 0;
  const ip = change & 4 ? other(ips, at.ip) : at.ip;
  const port = change & 2 ? other(ports, at.port) : at.port;
  const bytes = encodeMessage("success", method, transactionId)
    .add(XorMappedAddress, from)
    .add(OtherAddress, { ip: other(ips, at.ip), port: other(ports, at.port) })
    .addFingerprint().finish();
  return { via: { ip, port }, bytes };
}

/** Answers as a server that knows nothing of RFC 5780: 420 to what it must understand. */
export function answerPlainly(request: Uint8Array, from: SocketAddress): Uint8Array | undefined {
  if (!isStun(request)) return undefined;
  const { method, transactionId, change } = decoded(request);
  if (change !== undefined) {
    return encodeMessage("error", method, transactionId)
      .add(ErrorCode, { code: 420, reason: "Unknown Attribute" }).finish();
  }
  return encodeMessage("success", method, transactionId).add(XorMappedAddress, from).finish();
}

function decoded(bytes: Uint8Array) {
  const message = decodeMessage(bytes);
  const { messageClass, method, transactionId } = message;
  return { messageClass, method, transactionId, change: message.get(ChangeRequest) };
}

function other<T>([first, second]: readonly [T, T], one: T): T {
  return one === first ? second : first;
}

/** A STUN server with RFC 5780 on loopback: two IPs, two ports that the system chose. */
export class LoopbackStunServer implements AsyncDisposable {
  /** Requests answered. */
  answered = 0;
  readonly #sockets: readonly UdpSocket[];

  private constructor(
    sockets: readonly UdpSocket[],
    readonly addresses: ResponderAddresses,
    /** From where a request is said to come. */
    mapped: (from: SocketAddress, at: SocketAddress) => SocketAddress,
  ) {
    this.#sockets = sockets;
    for (const socket of sockets) {
      socket.onDatagram = (bytes, from) => {
        const answer = answerBinding(bytes, mapped(from, socket.local), socket.local, addresses);
        if (answer === undefined) return;
        const { via } = answer;
        this.answered++;
        sockets.find(({ local }) => local.ip === via.ip && local.port === via.port)!
          .send(answer.bytes, from);
      };
    }
  }

  static async start(
    mapped: (from: SocketAddress, at: SocketAddress) => SocketAddress = (from) => from,
  ): Promise<LoopbackStunServer> {
    const ips = ["127.0.0.1", "127.0.0.2"] as const;
    const first = [await bindUdp({ ip: ips[0] }), await bindUdp({ ip: ips[0] })];
    const ports = [first[0]!.local.port, first[1]!.local.port] as const;
    const second = await Promise.all(ports.map((port) => bindUdp({ ip: ips[1], port })));
    return new LoopbackStunServer([...first, ...second], { ips, ports }, mapped);
  }

  /** Its first address, for `--stun`. */
  get name(): string {
    return `${this.addresses.ips[0]}:${this.addresses.ports[0]}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}
