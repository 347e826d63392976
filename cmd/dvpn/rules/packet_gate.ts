import { type IpPacket, PacketError, readIpPacket } from "../../../lib/net/tun/mod.ts";
import { type Flow, isIcmpError, readFlow, readFragment, readQuoted, reversed } from "./flow.ts";
import { FlowTable } from "./flow_table.ts";
import { LastFlow } from "./last_flow.ts";
import { firstFor, isWhole, type Permission } from "./permission.ts";

/** How long flows may be quiet, ms: RFC 5382 REQ-5, RFC 4787 REQ-5, and for what is short-lived. */
const TCP_LIFETIME_MS = 124 * 60_000;
const LIFETIME_MS = 5 * 60_000;
/** How long fragments may follow the first one, ms (RFC 8200 §4.5). */
const FRAGMENT_LIFETIME_MS = 60_000;
const TCP = 6;
/** In place of a protocol number, in the keys of fragments. */
const FRAGMENTS = 0x100;

/**
 * Decides which packets of a peer pass. Rules are about what a peer begins; what answers us passes.
 *
 * ```
 *   from the peer   to an address that is open to it as a whole ─────────▶ passes
 *                   of a flow that we began, or that a rule let begin ───▶ passes
 *                   a rule lets it begin ──▶ the flow is remembered ─────▶ passes
 *                   an ICMP error on a packet of such a flow ────────────▶ passes
 *                   else ────────────────────────────────────────────────▶ does not
 *   to the peer     from another address ──▶ the flow is remembered ─────▶ passes
 * ```
 *
 * A TCP SYN and an echo request are never answers. Of a fragmented packet the first fragment decides;
 * others pass when they come after it. A packet that is to be segmented is decided on once.
 */
export class PacketGate {
  readonly #now: () => number;
  #permissions: readonly Permission[];
  #flows = new FlowTable(lifetimeMs);
  #lastIn = new LastFlow();
  #lastOut = new LastFlow();

  /**
   * @param permissions what the peer may begin: the first that fits counts, none is a no
   * @param now a clock's time, ms
   */
  constructor(permissions: readonly Permission[], now: () => number = () => performance.now()) {
    this.#permissions = permissions;
    this.#now = now;
  }

  /** How many flows are remembered. */
  get flows(): number {
    return this.#flows.size;
  }

  /**
   * From now on the peer may begin something else. What is under way has to be allowed again: by the
   * new permissions, or by the next packet that goes to the peer.
   */
  replace(permissions: readonly Permission[]): void {
    this.#permissions = permissions;
    this.#flows = new FlowTable(lifetimeMs);
    this.#lastIn = new LastFlow();
    this.#lastOut = new LastFlow();
  }

  /**
   * Whether a packet of the peer's passes.
   *
   * @param bytes the packet, whose source is known to be the peer's
   */
  admits(bytes: Uint8Array, packet: IpPacket): boolean {
    const { family, source, destination } = packet;
    if (this.#isOpen(bytes, family, destination)) return true;
    const now = this.#now();
    if (this.#lastIn.has(bytes, packet, now)) return true;
    const fragment = packet.fragment ? readFragment(bytes, packet) : undefined;
    const fragments = fragment &&
      keyOf(FRAGMENTS, fragment.identification, packet.protocol, bytes, {
        peer: source,
        other: destination,
        family,
      });
    if (fragment?.isFirst === false) return this.#flows.uses(fragments!, now);
    const flow = readFlow(bytes, packet);
    if (flow === undefined || !this.#passes(flow, bytes, packet, now)) return false;
    if (fragments !== undefined) this.#flows.add(fragments, now);
    this.#lastIn.set(bytes, packet, now);
    return true;
  }

  /**
   * A packet goes to the peer: it may answer.
   *
   * @param bytes the packet
   */
  remember(bytes: Uint8Array): void {
    const version = bytes[0]! >> 4;
    const family = version === 4 ? 4 : 6;
    if (this.#isOpen(bytes, family, family === 4 ? 12 : 8)) return;
    const packet = readOrNothing(bytes);
    if (packet === undefined) return;
    const now = this.#now();
    if (
      this.#lastOut.has(bytes, packet, now) || isIcmpError(packet.protocol, bytes[packet.transport])
    ) return;
    if (packet.fragment && !readFragment(bytes, packet).isFirst) return;
    const flow = readFlow(bytes, packet);
    if (flow === undefined) return;
    const { source, destination } = packet;
    const key = flowKey(reversed(flow), bytes, { peer: destination, other: source, family });
    if (!this.#flows.uses(key, now)) this.#flows.add(key, now);
    this.#lastOut.set(bytes, packet, now);
  }

  /** Whether the peer may send to an address whatever it likes. */
  #isOpen(bytes: Uint8Array, family: 4 | 6, at: number): boolean {
    const first = firstFor(this.#permissions, family, bytes, at);
    return first !== undefined && first.allows && isWhole(first);
  }

  #passes(flow: Flow, bytes: Uint8Array, packet: IpPacket, now: number): boolean {
    const { family, source, destination } = packet;
    const quoted = readQuoted(bytes, packet);
    if (quoted !== undefined) {
      // It is about a packet to the peer, and for whoever sent that one.
      const ends = { peer: quoted.destination, other: quoted.source, family };
      const isOfPeer = sameAddress(bytes, family, quoted.destination, source) &&
        sameAddress(bytes, family, quoted.source, destination);
      return isOfPeer &&
        this.#isLetIn({ ...reversed(quoted.flow), begins: false }, bytes, ends, now);
    }
    return this.#isLetIn(flow, bytes, { peer: source, other: destination, family }, now);
  }

  #isLetIn(flow: Flow, bytes: Uint8Array, ends: Ends, now: number): boolean {
    const key = flowKey(flow, bytes, ends);
    if (!flow.begins && this.#flows.uses(key, now)) return true;
    const { family, other } = ends;
    if (firstFor(this.#permissions, family, bytes, other, flow)?.allows !== true) return false;
    this.#flows.add(key, now);
    return true;
  }
}

/** Where the addresses of a packet are. */
interface Ends {
  readonly family: 4 | 6;
  /** Offset of the peer's address. */
  readonly peer: number;
  /** Offset of the other address. */
  readonly other: number;
}

/** Equal for the packets of one flow, from the peer's point of view. */
function flowKey(flow: Flow, bytes: Uint8Array, ends: Ends): string {
  return keyOf(flow.protocol, flow.sourcePort, flow.destinationPort, bytes, ends);
}

function keyOf(
  what: number,
  one: number,
  two: number,
  bytes: Uint8Array,
  { family, peer, other }: Ends,
): string {
  const length = family === 4 ? 4 : 16;
  return String.fromCharCode(
    what,
    one & 0xffff,
    one >>> 16,
    two,
    ...bytes.subarray(peer, peer + length),
    ...bytes.subarray(other, other + length),
  );
}

function lifetimeMs(key: string): number {
  const what = key.charCodeAt(0);
  if (what === TCP) return TCP_LIFETIME_MS;
  return what === FRAGMENTS ? FRAGMENT_LIFETIME_MS : LIFETIME_MS;
}

function sameAddress(bytes: Uint8Array, family: 4 | 6, one: number, other: number): boolean {
  for (let index = 0; index < (family === 4 ? 4 : 16); index++) {
    if (bytes[one + index] !== bytes[other + index]) return false;
  }
  return true;
}

function readOrNothing(bytes: Uint8Array): IpPacket | undefined {
  try {
    return readIpPacket(bytes);
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}
