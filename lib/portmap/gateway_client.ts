/**
 * All mappings at one gateway, whatever the protocol.
 *
 * ```
 *             ┌──────── a protocol is available ───────┐
 *  map ──▶ waiting ◀── lease over, state lost ──┐      ▼
 *             ▲                                 │   requesting ──refused──▶ the next protocol
 *             │                               mapped ◀─┘ granted              │ none left
 *             └───────────── retry ─── failed ◀───────────────────────────────┘
 *
 *  mapped: renewed at half of what is left, again and again; refused renewals wait for the end.
 *  any ──unmap──▶ closing ──removed, or unanswered──▶ closed
 * ```
 *
 * All protocols are looked for in parallel, in ways that change nothing at the router. The first
 * that answers is used, unless a better one (PCP, then NAT-PMP, then UPnP) may answer within
 * {@linkcode PREFERENCE_WAIT_MS}. What was found is kept, so that a later mapping takes one round trip.
 * @module
 */
import type { SocketAddress } from "../ip/mod.ts";
import { externalAddress, sameExternalAddress } from "./external_address.ts";
import { type GatewayMapping, MappingRecord } from "./gateway_mapping.ts";
import { GatewayProtocols, type GatewayProtocolsOptions } from "./gateway_protocols.ts";
import { type GatewayStatus, gatewayStatus } from "./gateway_status.ts";
import type { HttpRequest } from "./http_calls.ts";
import type { HttpResponse } from "./http_response.ts";
import type { Grant, ProtocolObserver, Refusal, Transmit } from "./lease.ts";
import { PCP_NONCE_BYTES } from "./pcp_message.ts";
import type { MappedTransport, PortMappingProtocol } from "./protocol.ts";
import { chooseProtocol } from "./protocol_choice.ts";
import {
  ANNOUNCEMENT_SPREAD_MS,
  CHECK_INTERVAL_MS,
  DEFAULT_LIFETIME_S,
  MIN_RENEWAL_GAP_MS,
  nextRenewalAt,
  PREFERENCE_WAIT_MS,
  retryDelayMs,
  SEARCH_AGAIN_MS,
} from "./timing.ts";

/** The most mappings at one gateway. */
export const MAX_MAPPINGS = 64;

/**
 * The sans-I/O client of one gateway. Its driver sends what {@linkcode GatewayClient.pollTransmit}
 * and {@linkcode GatewayClient.pollHttpRequest} give after every call, and wakes it when
 * {@linkcode GatewayClient.pollTimeout} says.
 *
 * @example
 * ```ts
 * import { GatewayClient } from "@dhtnet/dhtnet/portmap";
 * import assert from "node:assert/strict";
 * const client = new GatewayClient({
 *   gateway: "192.0.2.1",
 *   local: "192.0.2.2",
 *   random: (length) => crypto.getRandomValues(new Uint8Array(length)),
 *   protocols: ["nat-pmp"],
 * });
 * const mapping = client.map({ transport: "udp", internalPort: 4222 }, 0);
 * assert.deepEqual([...client.pollTransmit()!.bytes], [0, 0]); // what is your external address?
 * const router = { ip: "192.0.2.1", port: 5351 };
 * client.handleDatagram(Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7), router, 2);
 * const request = client.pollTransmit()!.bytes;
 * const granted = Uint8Array.of(0, 129, 0, 0, 0, 0, 0, 9, ...request.subarray(4));
 * client.handleDatagram(granted, router, 4);
 * assert.deepEqual(mapping.external?.address, { ip: "203.0.113.7", port: 4222 });
 * ```
 */
export class GatewayClient {
  readonly #o: GatewayProtocolsOptions;
  readonly #protocols: GatewayProtocols;
  readonly #records = new Map<number, MappingRecord>();
  readonly #externalIps = new Map<PortMappingProtocol, string>();
  /** Undefined before a protocol has answered; -Infinity when the wait is over. */
  #preferenceUntil: number | undefined;
  #probedAt = -Infinity;
  #checkAt = Infinity;
  #nextId = 0;
  #closing = false;

  /** Asks nothing yet: see {@linkcode GatewayClient.start}. */
  constructor(options: GatewayProtocolsOptions) {
    this.#o = options;
    this.#protocols = new GatewayProtocols(options, this.#observer());
  }

  /** Looks for all protocols. */
  start(now: number): void {
    this.#probe(now);
  }

  /** Whether a search for protocols is under way. */
  get probing(): boolean {
    return this.#protocols.clients.some(({ availability }) => availability === "probing");
  }

  /** What is known now. */
  get status(): GatewayStatus {
    const records = [...this.#records.values()];
    const externalIp = [
      ...this.#protocols.clients.map(({ protocol }) => this.#externalIps.get(protocol)),
      ...records.map(({ external }) => external?.address.ip),
    ].find((ip) => ip !== undefined);
    return gatewayStatus(this.#o, this.#protocols, externalIp, records.length);
  }

  /**
   * Wants a port mapped, from now until {@linkcode GatewayClient.unmap}. The mapping is closed at
   * once when there are {@linkcode MAX_MAPPINGS}, or one for that port already.
   *
   * @param o.lifetimeS what to ask for, in seconds
   * @param o.onChange called when `external` or `state` has changed
   */
  map(
    o: {
      readonly transport: MappedTransport;
      readonly internalPort: number;
      readonly lifetimeS?: number;
      readonly onChange?: (mapping: GatewayMapping) => void;
    },
    now: number,
  ): GatewayMapping {
    const record = new MappingRecord(
      this.#nextId++,
      o.transport,
      o.internalPort,
      o.lifetimeS ?? DEFAULT_LIFETIME_S,
      this.#o.random(PCP_NONCE_BYTES),
      o.onChange ?? (() => {}),
    );
    const double = [...this.#records.values()].some((other) =>
      other.transport === o.transport && other.internalPort === o.internalPort &&
      other.state !== "closing"
    );
    if (this.#closing || double || this.#records.size >= MAX_MAPPINGS) {
      record.state = "closed";
      return record;
    }
    this.#records.set(record.id, record);
    const nothing = this.#protocols.clients.every(({ availability }) =>
      availability !== "available"
    );
    if (nothing && now - this.#probedAt >= SEARCH_AGAIN_MS) this.#probe(now);
    this.#assign(record, now);
    return record;
  }

  /** Removes a mapping; `state` tells when it is done. May be called again. */
  unmap(mapping: GatewayMapping, now: number): void {
    const record = mapping as MappingRecord;
    if (record.state === "closing" || record.state === "closed") return;
    const asked = record.state === "mapped" || record.state === "requesting";
    const client = asked ? this.#protocols.client(record.protocol) : undefined;
    record.state = "closing";
    for (const other of this.#protocols.clients) if (other !== client) other.forget(record);
    this.#publish(record);
    if (client === undefined) this.#closed(record);
    else client.release(record, now);
  }

  /** Asks for every mapping and address again: after sleep, or when the network may have changed. */
  renewAll(now: number): void {
    for (const client of this.#protocols.clients) {
      if (client.availability === "available") client.check(now);
    }
    for (const record of this.#records.values()) {
      if (record.state === "mapped" && !record.renewing) record.renewAt = now;
      if (record.state === "failed") record.retryAt = now;
    }
  }

  /** Removes all mappings; {@linkcode GatewayClient.closed} tells when they are gone. */
  close(now: number): void {
    this.#closing = true;
    for (const record of [...this.#records.values()]) this.unmap(record, now);
  }

  /** Whether it was closed and nothing is left to be done. */
  get closed(): boolean {
    return this.#closing && this.#records.size === 0;
  }

  /** A datagram to the socket that sends what {@linkcode GatewayClient.pollTransmit} gives. */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    this.#protocols.handleDatagram(bytes, from, now);
  }

  /** A datagram to the announcement port: UDP 5350, unicast or to all hosts. */
  handleAnnouncement(bytes: Uint8Array, from: SocketAddress, now: number): void {
    this.#protocols.handleAnnouncement(bytes, from, now);
  }

  /** The answer to an HTTP request; undefined when there was none. */
  handleHttpResponse(id: number, response: HttpResponse | undefined, now: number): void {
    if (!this.#protocols.calls.handleResponse(id, response, now)) this.#protocols.dropped++;
  }

  /** Something is due. */
  handleTimeout(now: number): void {
    for (const client of this.#protocols.clients) client.handleTimeout(now);
    if (now >= (this.#preferenceUntil ?? Infinity)) {
      this.#preferenceUntil = -Infinity;
      this.#assignAll(now);
    }
    for (const record of [...this.#records.values()]) {
      if (record.state === "failed" && now >= record.retryAt) this.#retry(record, now);
      else if (record.state === "mapped" && now >= record.expiresAt) this.#lose(record, now);
      else if (record.state === "mapped" && now >= record.renewAt) this.#renew(record, now);
    }
    if (now >= this.#checkAt) this.#check(now);
  }

  /** When {@linkcode GatewayClient.handleTimeout} wants to be called, in milliseconds. */
  pollTimeout(): number | undefined {
    let next = Infinity;
    for (const client of this.#protocols.clients) {
      next = Math.min(next, client.pollTimeout() ?? Infinity);
    }
    for (const record of this.#records.values()) {
      if (record.state === "mapped") next = Math.min(next, record.expiresAt, record.renewAt);
      if (record.state === "failed") next = Math.min(next, record.retryAt);
    }
    const preference = this.#preferenceUntil ?? -Infinity;
    if (preference !== -Infinity) next = Math.min(next, preference);
    if (this.#records.size > 0) next = Math.min(next, this.#checkAt);
    return next === Infinity ? undefined : next;
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#protocols.transmits.shift();
  }

  /** The next HTTP request to carry out. */
  pollHttpRequest(): HttpRequest | undefined {
    return this.#protocols.calls.poll();
  }

  #observer(): ProtocolObserver {
    return {
      onAvailability: (protocol, now) => {
        if (this.#protocols.client(protocol)!.availability === "available") {
          this.#preferenceUntil ??= now + PREFERENCE_WAIT_MS;
        }
        this.#assignAll(now);
      },
      onGranted: (protocol, lease, grant, now) =>
        this.#granted(protocol, lease as MappingRecord, grant, now),
      onRefused: (protocol, lease, refusal, now) =>
        this.#refused(protocol, lease as MappingRecord, refusal, now),
      onReleased: (_protocol, lease) => this.#closed(lease as MappingRecord),
      onExternalIp: (protocol, ip, now) => this.#externalIp(protocol, ip, now),
      onStateLost: (protocol, announced, now) => {
        for (const record of this.#mapped(protocol)) {
          const spread = announced ? this.#o.random(1)[0]! / 256 * ANNOUNCEMENT_SPREAD_MS : 0;
          record.doubtful = true;
          this.#hasten(record, now + spread);
        }
      },
    };
  }

  #mapped(by: PortMappingProtocol): MappingRecord[] {
    const records = [...this.#records.values()];
    return records.filter(({ state, protocol }) => state === "mapped" && protocol === by);
  }

  #probe(now: number): void {
    this.#probedAt = now;
    const absent = this.#protocols.clients.filter(({ availability }) =>
      availability !== "available"
    );
    if (absent.length === this.#protocols.clients.length) this.#preferenceUntil = undefined;
    for (const client of absent) client.probe(now);
  }

  #check(now: number): void {
    this.#checkAt = Infinity;
    for (const client of this.#protocols.clients) {
      const [first] = this.#mapped(client.protocol);
      if (first === undefined) continue;
      this.#checkAt = now + CHECK_INTERVAL_MS;
      // PCP tells the address in mappings only, and not every server counts a new one as a new epoch
      if (client.protocol === "pcp") this.#hasten(first, now);
      else client.check(now);
    }
  }

  #assignAll(now: number): void {
    for (const record of [...this.#records.values()]) this.#assign(record, now);
  }

  /** Asks the best protocol that has not refused, waits for one, or gives up for a while. */
  #assign(record: MappingRecord, now: number): void {
    if (record.state !== "waiting") return;
    const mayWait = now < (this.#preferenceUntil ?? Infinity);
    const choice = chooseProtocol(this.#protocols.clients, record.refused, mayWait);
    if (choice === "wait") return;
    if (choice !== undefined) {
      record.state = "requesting";
      record.protocol = choice.protocol;
      return choice.request(record, now);
    }
    record.state = "failed";
    record.retryAt = now + retryDelayMs(record.failures++, record.retryAfterMs);
    record.onChange(record);
  }

  #retry(record: MappingRecord, now: number): void {
    record.reset();
    this.#probe(now);
    this.#assign(record, now);
  }

  /** Renews at that time, if it is not sooner or under way; a router cannot make us ask in a loop. */
  #hasten(record: MappingRecord, at: number): void {
    const soonest = Math.max(at, record.grantedAt + MIN_RENEWAL_GAP_MS);
    if (!record.renewing) record.renewAt = Math.min(record.renewAt, soonest);
  }

  #renew(record: MappingRecord, now: number): void {
    record.renewing = true; // until this is granted or refused
    record.renewAt = Infinity;
    this.#protocols.client(record.protocol)!.request(record, now);
  }

  #granted(protocol: PortMappingProtocol, record: MappingRecord, grant: Grant, now: number): void {
    if (record.protocol !== protocol) return;
    if (record.state !== "requesting" && record.state !== "mapped") return;
    const first = record.state === "requesting", before = record.externalIp;
    const ip = grant.externalIp ?? this.#externalIps.get(protocol);
    record.grant({ ...grant, externalIp: ip }, now);
    if (this.#checkAt === Infinity) this.#checkAt = now + CHECK_INTERVAL_MS;
    this.#publish(record, first);
    if (first || ip === before || grant.externalIp === undefined) return;
    for (const other of this.#mapped(protocol)) if (other !== record) this.#hasten(other, now);
  }

  #refused(
    protocol: PortMappingProtocol,
    record: MappingRecord,
    { reason, retryAfterMs }: Refusal,
    now: number,
  ): void {
    if (record.protocol !== protocol) return;
    if (record.state === "mapped") {
      record.renewing = false;
      if (record.doubtful) return this.#lose(record, now);
      record.renewAt = nextRenewalAt(protocol, record.expiresAt, now);
    } else if (record.state === "requesting") {
      this.#protocols.client(protocol)!.forget(record);
      record.refused.set(protocol, reason);
      record.retryAfterMs = Math.max(record.retryAfterMs, retryAfterMs ?? 0);
      record.state = "waiting";
      this.#assign(record, now);
    }
  }

  #lose(record: MappingRecord, now: number): void {
    this.#protocols.client(record.protocol)!.forget(record);
    record.reset();
    this.#publish(record);
    this.#assign(record, now);
  }

  #closed(record: MappingRecord): void {
    if (record.state !== "closing") return;
    record.state = "closed";
    this.#records.delete(record.id);
    record.onChange(record);
  }

  #externalIp(protocol: PortMappingProtocol, ip: string | undefined, now: number): void {
    const before = this.#externalIps.get(protocol);
    if (ip === undefined) this.#externalIps.delete(protocol);
    else this.#externalIps.set(protocol, ip);
    if (ip === before) return;
    for (const record of this.#records.values()) {
      if (record.state !== "mapped" || record.externalIp === ip) continue;
      if (record.protocol !== protocol) this.#checkAt = now; // this may be news to the other one
      else {
        record.externalIp = ip;
        // the router may have forgotten its mappings along with the address
        if (before !== undefined) this.#hasten(record, now);
        this.#publish(record);
      }
    }
  }

  /** Tells of a change; `always` also when the address is the same. */
  #publish(record: MappingRecord, always = false): void {
    const { state, externalIp: ip, externalPort: port, external: before } = record;
    const external = state === "mapped" && ip !== undefined
      ? externalAddress({ ip, port }, record.protocol!)
      : undefined;
    record.external = external;
    if (always || !sameExternalAddress(before, external)) record.onChange(record);
  }
}
