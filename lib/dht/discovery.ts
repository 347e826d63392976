/**
 * Finding nodes on the LAN (OpenDHT peer discovery), without I/O.
 *
 * ```
 * start ──▶ query and announcement to the group ──▶ announcement again after 1, 10, 30 s, then each minute
 * query from another ──▶ announcement to its source, and to the group (at most once a second)
 * announcement from another ──▶ node found
 * ```
 * Stock answers a query by unicast only. Several programs on one host share the port, and then a
 * unicast datagram reaches just one of them, so we tell the group too.
 * @module
 */
import type { IpFamily, SocketAddress } from "../ip/mod.ts";
import { ipFamily } from "../ip/mod.ts";
import { isContactable } from "./compact_nodes.ts";
import { DhtDecodeError } from "./decode_error.ts";
import {
  decodeDiscovery,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  encodeDiscoveryAnnouncement,
  encodeDiscoveryQuery,
} from "./discovery_codec.ts";
import { equalId, idText } from "./node_id.ts";
import type { Transmit } from "./outbox.ts";

/** Waits between announcements after a start or a change of network; the last one repeats. */
const ANNOUNCE_WAITS_MS = [1_000, 9_000, 20_000, 60_000] as const;
/** The group is told on request no more often than this. */
const GROUP_ANSWER_INTERVAL_MS = 1_000;
/** Unicast answers in one second; a LAN that asks more often knows us by now. */
const ANSWERS_PER_SECOND = 32;
/** A node found is not reported again for this long. */
const REPORT_INTERVAL_MS = 30_000;
/** Nodes remembered as reported. */
const REPORTED_LIMIT = 1024;

/** What {@linkcode LanDiscovery} announces. */
export interface LanDiscoveryOptions {
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** 0, the public network, when absent. */
  readonly networkId?: number;
  /** UDP port of our node in each address family that takes part. */
  readonly ports: Readonly<Partial<Record<IpFamily, number>>>;
}

/** A node on the LAN. */
export interface DiscoveredNode {
  /** 20 bytes. */
  readonly id: Uint8Array;
  /** Its source address and the port that it announced. */
  readonly address: SocketAddress;
}

/**
 * Announces our node and hears of others. The caller binds {@linkcode DISCOVERY_PORT} with address
 * reuse, joins the groups, and sends what goes to a group out of each interface.
 *
 * @example
 * ```ts
 * import { LanDiscovery } from "@dhtnet/dhtnet/dht";
 * import assert from "node:assert/strict";
 * const [a, b] = [1, 2].map((n) =>
 *   new LanDiscovery({ id: new Uint8Array(20).fill(n), ports: { 4: 4000 + n } })
 * );
 * a!.start(0);
 * for (let sent = a!.pollTransmit(); sent; sent = a!.pollTransmit()) {
 *   b!.handleDatagram(sent.bytes, { ip: "192.0.2.1", port: 8888 }, 0);
 * }
 * assert.deepEqual(b!.pollNode()?.address, { ip: "192.0.2.1", port: 4001 });
 * ```
 */
export class LanDiscovery {
  readonly #options: LanDiscoveryOptions;
  readonly #outbox: Transmit[] = [];
  readonly #found: DiscoveredNode[] = [];
  readonly #reported = new Map<string, number>();
  #announceAt: number | undefined;
  #announcements = 0;
  #groupToldAt = -Infinity;
  #answersSince = -Infinity;
  #answers = 0;

  /** Silent until {@linkcode start}. */
  constructor(options: LanDiscoveryOptions) {
    this.#options = options;
  }

  /** Asks who is there and says that we are; also to be called when the network changed. */
  start(now: number): void {
    this.#announcements = 0;
    this.#reported.clear();
    for (const family of this.#families()) {
      this.#outbox.push({ to: group(family), bytes: encodeDiscoveryQuery() });
    }
    this.#announce(now);
  }

  /** Takes one datagram from the discovery port. Never throws, whatever the bytes. */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    const family = ipFamily(from.ip);
    if (this.#options.ports[family] === undefined || !isContactable(from)) return;
    try {
      const message = decodeDiscovery(bytes);
      if (message.kind === "query") this.#answer(from, family, now);
      else if (message.kind === "announcement") {
        const { id, port, networkId } = message.announcement;
        if (networkId === (this.#options.networkId ?? 0)) {
          this.#report(id, { ip: from.ip, port }, now);
        }
      }
    } catch (error) {
      if (!(error instanceof DhtDecodeError)) throw error;
    }
  }

  /** Announces when it is time. */
  handleTimeout(now: number): void {
    if (this.#announceAt !== undefined && now >= this.#announceAt) this.#announce(now);
  }

  /** When {@linkcode handleTimeout} wants to be called, absolute milliseconds. */
  pollTimeout(): number | undefined {
    return this.#announceAt;
  }

  /** The next datagram to send, to a group or to one host. */
  pollTransmit(): Transmit | undefined {
    return this.#outbox.shift();
  }

  /** The next node found; ping it before use, announcements are not authenticated. */
  pollNode(): DiscoveredNode | undefined {
    return this.#found.shift();
  }

  #announce(now: number): void {
    for (const family of this.#families()) this.#tell(group(family), family);
    this.#groupToldAt = now;
    const wait = ANNOUNCE_WAITS_MS[Math.min(this.#announcements++, ANNOUNCE_WAITS_MS.length - 1)]!;
    this.#announceAt = now + wait;
  }

  #answer(from: SocketAddress, family: IpFamily, now: number): void {
    if (now - this.#answersSince >= 1_000) {
      this.#answersSince = now;
      this.#answers = 0;
    }
    if (++this.#answers > ANSWERS_PER_SECOND) return;
    this.#tell(from, family);
    if (now - this.#groupToldAt < GROUP_ANSWER_INTERVAL_MS) return;
    this.#groupToldAt = now;
    this.#tell(group(family), family);
  }

  #tell(to: SocketAddress, family: IpFamily): void {
    const { id, networkId = 0, ports } = this.#options;
    const bytes = encodeDiscoveryAnnouncement({ id, port: ports[family]!, networkId });
    this.#outbox.push({ to, bytes });
  }

  #report(id: Uint8Array, address: SocketAddress, now: number): void {
    if (equalId(id, this.#options.id) || !isContactable(address)) return;
    const key = `${idText(id)}${address.ip}/${address.port}`;
    if (now - (this.#reported.get(key) ?? -Infinity) < REPORT_INTERVAL_MS) return;
    if (this.#reported.size >= REPORTED_LIMIT) {
      this.#reported.delete(this.#reported.keys().next().value!);
    }
    this.#reported.set(key, now);
    this.#found.push({ id: id.slice(), address });
  }

  #families(): IpFamily[] {
    return ([4, 6] as const).filter((family) => this.#options.ports[family] !== undefined);
  }
}

function group(family: IpFamily): SocketAddress {
  return { ip: DISCOVERY_GROUP[family], port: DISCOVERY_PORT };
}
