/**
 * NAT-PMP (RFC 6886) at one gateway.
 *
 * ```
 *  unknown ──probe──▶ probing ──external address──▶ available ◀─┐ epoch, address
 *                        │                              │ └──────┘ watched in every answer
 *                        └──no answer, or an error──▶ unavailable
 * ```
 * @module
 */
import { Exchanges } from "./exchanges.ts";
import { Epoch } from "./epoch.ts";
import { usableExternalIp } from "./external_address.ts";
import type { Lease, ProtocolClient, ProtocolObserver } from "./lease.ts";
import {
  encodeNatPmpExternalAddressRequest,
  encodeNatPmpMapRequest,
  type NatPmpResponse,
  NatPmpResult,
} from "./nat_pmp_message.ts";
import type { Availability } from "./protocol.ts";

const EXTERNAL_ADDRESS = "external-address";

const REASONS: Readonly<Record<number, string>> = {
  [NatPmpResult.UNSUPPORTED_VERSION]: "unsupported version",
  [NatPmpResult.NOT_AUTHORIZED]: "not authorized",
  [NatPmpResult.NETWORK_FAILURE]: "the router has no external address",
  [NatPmpResult.OUT_OF_RESOURCES]: "out of resources",
  [NatPmpResult.UNSUPPORTED_OPCODE]: "unsupported opcode",
};

interface Asked {
  readonly lease: Lease;
  readonly releasing: boolean;
  /** It has overtaken a removal of the same port, whose answer is still to come. */
  overtook: boolean;
}

/** The {@linkcode ProtocolClient} for NAT-PMP. */
export class NatPmpClient implements ProtocolClient {
  readonly protocol = "nat-pmp";
  availability: Availability = "unknown";
  reason: string | undefined;
  readonly #exchanges: Exchanges;
  readonly #observer: ProtocolObserver;
  readonly #epoch = new Epoch();
  /** Leases with a request or a removal under way, by the key of their exchange. */
  readonly #asked = new Map<string, Asked>();

  /** @param send sends a datagram to the gateway's port 5351 */
  constructor(o: {
    readonly send: (bytes: Uint8Array) => void;
    readonly random: (length: number) => Uint8Array;
    readonly observer: ProtocolObserver;
  }) {
    this.#exchanges = new Exchanges(o.send, o.random);
    this.#observer = o.observer;
  }

  probe(now: number): void {
    if (this.availability !== "available") this.availability = "probing";
    this.#askForAddress(now);
  }

  check(now: number): void {
    this.#askForAddress(now);
  }

  request(lease: Lease, now: number): void {
    const { transport, internalPort, lifetimeS, suggested } = lease;
    const bytes = encodeNatPmpMapRequest({
      transport,
      internalPort,
      externalPort: suggested.port,
      lifetimeS,
    });
    this.#ask(lease, bytes, false, now, (now) => {
      this.#observer.onRefused(this.protocol, lease, { reason: "no answer" }, now);
    });
  }

  release(lease: Lease, now: number): void {
    const { transport, internalPort } = lease;
    // RFC 6886 §3.4: lifetime and external port are zero
    const bytes = encodeNatPmpMapRequest({
      transport,
      internalPort,
      externalPort: 0,
      lifetimeS: 0,
    });
    this.#ask(lease, bytes, true, now, (now) => {
      this.#observer.onReleased(this.protocol, lease, now);
    });
  }

  forget({ transport, internalPort }: Lease): void {
    const key = `${transport} ${internalPort}`;
    this.#asked.delete(key);
    this.#exchanges.finish(key);
  }

  handleTimeout(now: number): void {
    this.#exchanges.handleTimeout(now);
  }

  pollTimeout(): number | undefined {
    return this.#exchanges.pollTimeout();
  }

  /** The server said that it speaks other versions only. */
  handleOtherVersion(now: number): void {
    if (this.availability !== "available") this.#unavailable("the router speaks PCP only", now);
  }

  /**
   * A response from the gateway.
   *
   * @param announced whether it came to the announcement port
   * @returns false when it answers nothing that we asked
   */
  handleResponse(response: NatPmpResponse, announced: boolean, now: number): boolean {
    if (response.kind === "map") return this.#handleMap(response, now);
    if (response.kind === "error") return false;
    const answered = !announced && this.#exchanges.finish(EXTERNAL_ADDRESS);
    if (!answered && !announced) return false;
    if (response.result !== NatPmpResult.SUCCESS) {
      if (announced) return false;
      if (this.availability !== "available") this.#unavailable(reasonFor(response.result), now);
      else this.#observer.onExternalIp(this.protocol, undefined, now);
      return true;
    }
    const ip = usableExternalIp(response.ip!);
    const lost = this.#epoch.observeNatPmp(response.epochS, now);
    if (answered && ip === undefined && this.availability !== "available") {
      this.#unavailable(`the router claims to have the external address ${response.ip}`, now);
      return true;
    }
    this.#observer.onExternalIp(this.protocol, ip, now);
    if (this.availability !== "available" && answered) {
      this.availability = "available";
      this.reason = undefined;
      this.#observer.onAvailability(this.protocol, now);
    }
    if (lost) this.#observer.onStateLost(this.protocol, announced, now);
    return true;
  }

  #handleMap(response: NatPmpResponse & { kind: "map" }, now: number): boolean {
    const key = response.mapping === undefined
      ? this.#onlyAsked(response.transport)
      : `${response.transport} ${response.mapping.internalPort}`;
    const asked = key === undefined ? undefined : this.#asked.get(key);
    if (key === undefined || asked === undefined) return false;
    const { lease, releasing } = asked, { mapping, result, epochS } = response;
    // an answer to the request that the removal has overtaken
    if (releasing && result === NatPmpResult.SUCCESS && mapping!.lifetimeS !== 0) return false;
    if (!releasing && asked.overtook && mapping?.lifetimeS === 0) {
      asked.overtook = false;
      return true;
    }
    this.#exchanges.finish(key);
    this.#asked.delete(key);
    const lost = result === NatPmpResult.SUCCESS && this.#epoch.observeNatPmp(epochS, now);
    if (releasing) this.#observer.onReleased(this.protocol, lease, now);
    else if (result !== NatPmpResult.SUCCESS) {
      this.#observer.onRefused(this.protocol, lease, { reason: reasonFor(result) }, now);
    } else if (mapping!.lifetimeS === 0 || mapping!.externalPort === 0) {
      this.#observer.onRefused(this.protocol, lease, { reason: "a mapping without life" }, now);
    } else {
      const { externalPort, lifetimeS } = mapping!;
      const grant = { externalIp: undefined, externalPort, lifetimeS };
      this.#observer.onGranted(this.protocol, lease, grant, now);
    }
    if (lost) this.#observer.onStateLost(this.protocol, false, now);
    return true;
  }

  /** The one open request for that transport: some servers cut errors short. */
  #onlyAsked(transport: string): string | undefined {
    const keys = [...this.#asked.keys()].filter((key) => key.startsWith(transport));
    return keys.length === 1 ? keys[0] : undefined;
  }

  #ask(
    lease: Lease,
    bytes: Uint8Array,
    releasing: boolean,
    now: number,
    onUnanswered: (now: number) => void,
  ): void {
    const key = `${lease.transport} ${lease.internalPort}`;
    const before = this.#asked.get(key);
    this.#asked.set(key, { lease, releasing, overtook: before?.releasing ?? false });
    this.#exchanges.start(key, bytes, now, (now) => {
      this.#asked.delete(key);
      onUnanswered(now);
    });
    // the same port is wanted again before its removal was answered
    if (before?.releasing && before.lease !== lease) {
      this.#observer.onReleased(this.protocol, before.lease, now);
    }
  }

  #askForAddress(now: number): void {
    if (this.#exchanges.has(EXTERNAL_ADDRESS)) return;
    this.#exchanges.start(EXTERNAL_ADDRESS, encodeNatPmpExternalAddressRequest(), now, (now) => {
      this.#unavailable("no answer", now);
    });
  }

  #unavailable(reason: string, now: number): void {
    this.#exchanges.finish(EXTERNAL_ADDRESS);
    this.availability = "unavailable";
    this.reason = reason;
    this.#observer.onAvailability(this.protocol, now);
  }
}

function reasonFor(result: number): string {
  return REASONS[result] ?? `result code ${result}`;
}
