/**
 * Requests under way.
 *
 * ```
 * send ──▶ waiting ──1.0–1.25 s──▶ sent again ──2–2.75 s──▶ sent again ──4–5.75 s──▶ expired
 *             └─────────── reply or error from the same address, same tid ──▶ done
 * ```
 * @module
 */
import { formatSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { type Engine, envelope, randomBetween, randomUint32 } from "./engine.ts";
import { packetWithValues } from "./fragments.ts";
import type { ErrorPacket, PacketEnvelope, QueryPacket, ReplyPacket } from "./packet.ts";
import { encodePacket } from "./packet_encode.ts";
import type { Reassembly } from "./reassembly.ts";
import { RemoteNode } from "./remote_node.ts";
import { PADDED_FIND_BYTES, PADDED_QUERY_BYTES } from "./reply_budget.ts";
import type { Timer } from "./timer_queue.ts";
import type { DhtValue } from "./value.ts";
import { equalId } from "./node_id.ts";

/** Waits after the first, second and third send, from and to, milliseconds. */
const RESEND_WAITS_MS = [[1_000, 1_250], [2_000, 2_750], [4_000, 5_750]] as const;
/** Bytes of values that one reply may make us collect. */
const REPLY_VALUES_LIMIT = 1 << 20;

/** The part of a query that the asker decides. */
export type Question = Omit<QueryPacket, keyof PacketEnvelope | "kind" | "id" | "values">;

/** One question to one node. */
export interface RequestOptions {
  /** The node, or an address whose node id is not known yet. */
  readonly to: RemoteNode | SocketAddress;
  /** What is asked. */
  readonly question: Question;
  /** Packed values that go with it: inside, or as fragments when large. */
  readonly packed?: readonly Uint8Array[];
  /** Sent a single time, and silence does not make the node expire: pings to strangers. */
  readonly once?: boolean;
  /** The answer; `values` are complete, read from fragments where needed. */
  readonly onReply?: (
    reply: ReplyPacket,
    values: DhtValue[],
    now: number,
    node: RemoteNode,
  ) => void;
  /** A refusal. */
  readonly onError?: (code: number, now: number) => void;
  /** No answer to three sends. */
  readonly onExpire?: (now: number) => void;
}

/** What the ledger tells the network it belongs to. */
export interface RequestEvents {
  /** A node answered. */
  replied(node: RemoteNode, roundTripMs: number | undefined, now: number): void;
  /** A node never answered. */
  expired(node: RemoteNode, now: number): void;
  /** The node at an address has this id. */
  identified(id: Uint8Array, address: SocketAddress, now: number): RemoteNode;
}

/** A request under way. */
export interface PendingRequest {
  readonly tid: number;
  readonly options: RequestOptions;
  readonly address: SocketAddress;
  readonly addressText: string;
  readonly datagrams: readonly Uint8Array[];
  readonly sentAt: number;
  sends: number;
  timer: Timer | undefined;
}

/** Pairs replies with requests. */
export class RequestLedger {
  readonly #engine: Engine;
  readonly #reassembly: Reassembly;
  readonly #events: RequestEvents;
  readonly #pending = new Map<number, PendingRequest>();

  /** One ledger for each address family. */
  constructor(
    engine: Engine,
    reassembly: Reassembly,
    events: RequestEvents,
  ) {
    this.#engine = engine;
    this.#reassembly = reassembly;
    this.#events = events;
  }

  /** Sends a request. */
  send(options: RequestOptions, now: number): PendingRequest {
    const engine = this.#engine, { to } = options;
    let tid = randomUint32(engine);
    while (this.#pending.has(tid) || tid === 0) tid = randomUint32(engine);
    const packet: QueryPacket = {
      kind: "query",
      ...envelope(engine, tid),
      id: engine.id,
      ...options.question,
    };
    const datagrams = options.packed === undefined
      ? [padded(packet)]
      : packetWithValues(engine, packet, options.packed);
    const known = to instanceof RemoteNode;
    const request: PendingRequest = {
      tid,
      options,
      address: known ? to.address : to,
      addressText: known ? to.addressText : formatSocketAddress(to),
      datagrams,
      sentAt: now,
      sends: 0,
      timer: undefined,
    };
    this.#pending.set(tid, request);
    this.#transmit(request, now);
    return request;
  }

  /** Forgets a request; its callbacks are not called. */
  cancel(request: PendingRequest | undefined): void {
    if (request === undefined || this.#pending.get(request.tid) !== request) return;
    this.#engine.timers.cancel(request.timer);
    this.#pending.delete(request.tid);
  }

  /** Takes a reply; returns whether it answers a request of ours. */
  handleReply(reply: ReplyPacket, from: string, now: number): boolean {
    const request = this.#take(reply.tid, from);
    if (request === undefined) return false;
    const { options } = request, { to } = options;
    const roundTripMs = request.sends === 1 ? now - request.sentAt : undefined;
    if (to instanceof RemoteNode && !equalId(to.id, reply.id)) {
      // Another node lives there now: a restart with a new id, mostly.
      const other = this.#events.identified(reply.id, request.address, now);
      this.#events.replied(other, roundTripMs, now);
      this.#events.expired(to, now);
      options.onExpire?.(now);
      return true;
    }
    const node = to instanceof RemoteNode
      ? to
      : this.#events.identified(reply.id, request.address, now);
    node.client = reply.client ?? false;
    node.grant(reply.token, now);
    this.#events.replied(node, roundTripMs, now);
    if (reply.values === undefined) {
      options.onReply?.(reply, [], now, node);
      return true;
    }
    const done = (values: DhtValue[], at: number) => options.onReply?.(reply, values, at, node);
    this.#reassembly.expect(from, reply.tid, reply.values, REPLY_VALUES_LIMIT, now, done);
    return true;
  }

  /** Takes an error; returns whether it answers a request of ours. */
  handleError(error: ErrorPacket, from: string, now: number): boolean {
    const request = this.#take(error.tid, from);
    if (request === undefined) return false;
    const { options } = request;
    if (options.to instanceof RemoteNode) {
      if (error.code === 401) options.to.revoke();
      this.#events.replied(options.to, undefined, now);
    }
    options.onError?.(error.code, now);
    return true;
  }

  #take(tid: number, from: string): PendingRequest | undefined {
    const request = this.#pending.get(tid);
    if (request === undefined || request.addressText !== from) return undefined;
    this.cancel(request);
    return request;
  }

  #transmit(request: PendingRequest, now: number): void {
    const [from, to] = RESEND_WAITS_MS[request.sends]!;
    request.sends++;
    this.#engine.outbox.pushPaced(request.address, request.datagrams, now);
    const at = now + randomBetween(this.#engine, from, to);
    request.timer = this.#engine.timers.schedule(at, (later) => this.#overdue(request, later));
  }

  #overdue(request: PendingRequest, now: number): void {
    const { options } = request;
    if (request.sends < RESEND_WAITS_MS.length && !options.once) {
      return this.#transmit(request, now);
    }
    this.#pending.delete(request.tid);
    // A node that moved, or that answered something else meanwhile, is not dead.
    const silent = options.to instanceof RemoteNode && options.to.repliedAt <= request.sentAt;
    if (silent && !options.once) {
      this.#events.expired(options.to as RemoteNode, now);
    }
    options.onExpire?.(now);
  }
}

/** A question whose reply names nodes is long enough for them all, also from a node that is strict. */
function padded(packet: QueryPacket): Uint8Array {
  const bytes = encodePacket(packet), { name, want } = packet;
  if (name !== "find" && name !== "get") return bytes;
  const both = name === "get" || (want?.length ?? 0) > 1;
  const length = both ? PADDED_QUERY_BYTES : PADDED_FIND_BYTES;
  if (bytes.length >= length) return bytes;
  // What follows the msgpack object is ignored, by stock nodes too.
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}
