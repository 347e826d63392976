import {
  decodePacket,
  DhtDecodeError,
  DhtNode,
  type DhtPacket,
  encodePacket,
  type QueryPacket,
  type ReplyPacket,
  type Transmit,
} from "../../lib/dht/mod.ts";
import { compactNode, joinCompactNodes } from "../../lib/dht/compact_nodes.ts";
import type { SocketAddress } from "../../lib/ip/mod.ts";
import type { DhtNetwork, SimulatedNode } from "../support/dht_network.ts";

/** An id that shares all but its last bytes with a key: closer to it than any honest node. */
export function idNextTo(key: Uint8Array, n: number): Uint8Array {
  const id = key.slice();
  id[19]! ^= n & 255;
  id[18]! ^= n >> 8;
  id[16]! ^= 1;
  return id;
}

/**
 * A node of an attacker. It joins as honest nodes do, answers at once and politely, hands out tokens,
 * acknowledges every put and listen, keeps nothing, tells nobody, and names only its accomplices.
 */
export class SybilNode {
  readonly id: Uint8Array;
  readonly #honest: DhtNode;
  readonly #accomplices: () => readonly SimulatedNode[];
  readonly #out: Transmit[] = [];

  constructor(honest: DhtNode, accomplices: () => readonly SimulatedNode[]) {
    this.#honest = honest;
    this.id = honest.id;
    this.#accomplices = accomplices;
  }

  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    let packet: DhtPacket;
    try {
      packet = decodePacket(bytes);
    } catch (error) {
      if (error instanceof DhtDecodeError) return;
      throw error;
    }
    if (packet.kind !== "query" || packet.name === "ping") {
      return this.#honest.handleDatagram(bytes, from, now);
    }
    this.#out.push({ to: from, bytes: encodePacket(this.#lie(packet)) });
  }

  handleTimeout(now: number): void {
    this.#honest.handleTimeout(now);
  }

  pollTimeout(): number | undefined {
    return this.#honest.pollTimeout();
  }

  pollTransmit(): Transmit | undefined {
    return this.#out.shift() ?? this.#honest.pollTransmit();
  }

  #lie(query: QueryPacket): ReplyPacket {
    const reply = { kind: "reply", tid: query.tid, id: this.id } as const;
    const [value] = query.values ?? [];
    if (query.name === "put" && typeof value === "object" && "id" in value) {
      return { ...reply, valueId: value.id };
    }
    if (query.name !== "find" && query.name !== "get") return reply;
    const named = this.#accomplices().map(({ node, address }) => compactNode(node.id, address));
    const nodes4 = joinCompactNodes(named.slice(0, 8));
    return { ...reply, nodes4, token: new Uint8Array(16).fill(1) };
  }
}

/** Puts `count` attacker's nodes next to a key. */
export function besiege(
  network: DhtNetwork,
  key: Uint8Array,
  count: number,
  addressOf: (n: number) => SocketAddress,
): SimulatedNode[] {
  const sybils: SimulatedNode[] = [];
  const entry = network.nodes[0]!;
  for (let n = 0; n < count; n++) {
    const simulated = network.add({ id: idNextTo(key, n) }, { address: addressOf(n) });
    simulated.node.bootstrap([entry.address], network.now);
    const node = new SybilNode(simulated.node, () => sybils) as unknown as DhtNode;
    sybils.push(Object.assign(simulated, { node }));
  }
  return sybils;
}
