/**
 * PCP (RFC 6887) at one gateway: MAP for IPv4 NATs and IPv6 firewalls alike.
 *
 * ```
 *  unknown ──probe──▶ probing ──ANNOUNCE answered──▶ available ◀─┐ epoch watched
 *                        │                               │ └──────┘ in every answer
 *                        └──no answer, other version──▶ unavailable
 * ```
 * @module
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { Epoch } from "./epoch.ts";
import { Exchanges } from "./exchanges.ts";
import { usableExternalIp } from "./external_address.ts";
import type { Lease, ProtocolClient, ProtocolObserver, Refusal } from "./lease.ts";
import {
  encodePcpAnnounceRequest,
  encodePcpMapRequest,
  type PcpMapping,
  type PcpResponse,
  PcpResult,
} from "./pcp_message.ts";
import type { Availability } from "./protocol.ts";

/** Bounds of an error's lifetime, in seconds: absurd ones are not believed (RFC 6887 §7.2). */
const MIN_ERROR_LIFETIME_S = 10, MAX_ERROR_LIFETIME_S = 1800;
const ANNOUNCE = "announce";
const RESULT_NAMES = new Map<number, string>(
  Object.entries(PcpResult).map(([name, code]) => [code, name]),
);

/** The {@linkcode ProtocolClient} for PCP. */
export class PcpClient implements ProtocolClient {
  readonly protocol = "pcp";
  availability: Availability = "unknown";
  reason: string | undefined;
  readonly #client: string;
  readonly #exchanges: Exchanges;
  readonly #observer: ProtocolObserver;
  readonly #epoch = new Epoch();
  /** Mappings that the server may tell us of, by nonce. */
  readonly #leases = new Map<string, { lease: Lease; releasing: boolean }>();

  /**
   * @param client our address on the interface
   * @param send sends a datagram from that address to the gateway's port 5351
   */
  constructor(o: {
    readonly client: string;
    readonly send: (bytes: Uint8Array) => void;
    readonly random: (length: number) => Uint8Array;
    readonly observer: ProtocolObserver;
  }) {
    this.#client = o.client;
    this.#exchanges = new Exchanges(o.send, o.random);
    this.#observer = o.observer;
  }

  probe(now: number): void {
    if (this.availability !== "available") this.availability = "probing";
    this.check(now);
  }

  check(now: number): void {
    if (this.#exchanges.has(ANNOUNCE)) return;
    this.#exchanges.start(ANNOUNCE, encodePcpAnnounceRequest(this.#client), now, (now) => {
      this.#unavailable("no answer", now);
    });
  }

  request(lease: Lease, now: number): void {
    this.#ask(lease, false, now, (now) => {
      this.#observer.onRefused(this.protocol, lease, { reason: "no answer" }, now);
    });
  }

  release(lease: Lease, now: number): void {
    this.#ask(lease, true, now, (now) => {
      this.#leases.delete(bytesToHex(lease.nonce));
      this.#observer.onReleased(this.protocol, lease, now);
    });
  }

  forget({ nonce }: Lease): void {
    const key = bytesToHex(nonce);
    this.#leases.delete(key);
    this.#exchanges.finish(key);
  }

  handleTimeout(now: number): void {
    this.#exchanges.handleTimeout(now);
  }

  pollTimeout(): number | undefined {
    return this.#exchanges.pollTimeout();
  }

  /** The server said that it speaks NAT-PMP only. */
  handleOtherVersion(now: number): void {
    if (this.availability === "probing") this.#unavailable("the router speaks NAT-PMP only", now);
  }

  /**
   * A response from the gateway, not `UNSUPP_VERSION`.
   *
   * @param announced whether it came to the announcement port
   * @returns false when it answers nothing that we asked
   */
  handleResponse(response: PcpResponse, announced: boolean, now: number): boolean {
    if (response.kind === "announce") return this.#handleAnnounce(response, announced, now);
    return response.mapping !== undefined && this.#handleMap(response, response.mapping, now);
  }

  #handleAnnounce(response: PcpResponse, announced: boolean, now: number): boolean {
    if (!announced && !this.#exchanges.finish(ANNOUNCE)) return false;
    // a server that does not know ANNOUNCE is a PCP server all the same
    const { result, epochS } = response;
    const speaks = result === PcpResult.SUCCESS || result === PcpResult.UNSUPP_OPCODE;
    if (!speaks) {
      if (!announced && this.availability !== "available") this.#unavailable(nameOf(result), now);
      return !announced;
    }
    const lost = this.#epoch.observePcp(epochS, now);
    if (this.availability !== "available") {
      this.#exchanges.finish(ANNOUNCE);
      this.availability = "available";
      this.reason = undefined;
      this.#observer.onAvailability(this.protocol, now);
    }
    if (lost) this.#observer.onStateLost(this.protocol, announced, now);
    return true;
  }

  #handleMap(response: PcpResponse, mapping: PcpMapping, now: number): boolean {
    const key = bytesToHex(mapping.nonce), known = this.#leases.get(key);
    const lease = known?.lease;
    if (
      known === undefined || lease === undefined || mapping.transport !== lease.transport ||
      mapping.internalPort !== lease.internalPort
    ) return false;
    const { result, lifetimeS } = response, success = result === PcpResult.SUCCESS;
    // an answer to the request that the removal has overtaken
    if (known.releasing && success && lifetimeS !== 0) return false;
    const asked = this.#exchanges.finish(key);
    if (!asked && !success) return false;
    const lost = success && this.#epoch.observePcp(response.epochS, now);
    if (known.releasing) {
      this.#leases.delete(key);
      this.#observer.onReleased(this.protocol, lease, now);
    } else {
      const refusal = refusalFor(response, mapping);
      if (refusal !== undefined) this.#observer.onRefused(this.protocol, lease, refusal, now);
      else {
        const { ip, port } = mapping.external;
        const grant = { externalIp: ip, externalPort: port, lifetimeS };
        this.#observer.onGranted(this.protocol, lease, grant, now);
      }
    }
    if (lost) this.#observer.onStateLost(this.protocol, false, now);
    return true;
  }

  #ask(
    lease: Lease,
    releasing: boolean,
    now: number,
    onUnanswered: (now: number) => void,
  ): void {
    const { transport, internalPort, suggested, nonce, lifetimeS } = lease;
    const key = bytesToHex(nonce);
    this.#leases.set(key, { lease, releasing });
    const bytes = encodePcpMapRequest({
      client: this.#client,
      transport,
      internalPort,
      suggested,
      lifetimeS: releasing ? 0 : lifetimeS,
      nonce,
    });
    this.#exchanges.start(key, bytes, now, onUnanswered);
  }

  #unavailable(reason: string, now: number): void {
    this.#exchanges.finish(ANNOUNCE);
    this.availability = "unavailable";
    this.reason = reason;
    this.#observer.onAvailability(this.protocol, now);
  }
}

function refusalFor(response: PcpResponse, { external }: PcpMapping): Refusal | undefined {
  const { result, lifetimeS } = response;
  if (result !== PcpResult.SUCCESS) {
    const bounded = Math.min(Math.max(lifetimeS, MIN_ERROR_LIFETIME_S), MAX_ERROR_LIFETIME_S);
    return { reason: nameOf(result), retryAfterMs: bounded * 1000 };
  }
  if (lifetimeS === 0 || external.port === 0) return { reason: "a mapping without life" };
  if (usableExternalIp(external.ip) === undefined) {
    return { reason: `the router claims to have the external address ${external.ip}` };
  }
  return undefined;
}

function nameOf(result: number): string {
  return RESULT_NAMES.get(result) ?? `result code ${result}`;
}
