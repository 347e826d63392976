import { type IpFamily, ipFamily, ipScope, type SocketAddress } from "../ip/mod.ts";
import {
  AdditionalAddressFamily,
  AddressErrorCode,
  Lifetime,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
  type MessageWriter,
  Method,
  RequestedAddressFamily,
  RequestedTransport,
  type RetransmissionSchedule,
  type StunMessage,
  XorMappedAddress,
  XorRelayedAddress,
} from "../stun/mod.ts";
import { errorOfCode, TurnError } from "./error.ts";
import type { Requests } from "./requests.ts";

/** IP protocol numbers, as REQUESTED-TRANSPORT has them (RFC 8656 §18.8, RFC 6062 §4.1). */
const PROTOCOL = { udp: 17, tcp: 6 } as const;
/** RFC 8656 §8: an allocation is refreshed about a minute before it ends. */
const REFRESH_MARGIN_MS = 60_000;
/** A last word is not repeated for long: who waits wants to be gone, and the server has lifetimes. */
const DELETE_SCHEDULE: RetransmissionSchedule = { rtoMs: 500, transmissions: 3, finalWaitRtos: 2 };

/** What an Allocate success response said. */
export interface AllocatedAddresses {
  /** IPv4 first. */
  readonly relayed: readonly SocketAddress[];
  readonly mapped: SocketAddress;
  readonly lifetimeMs: number;
  readonly refused: readonly { readonly family: IpFamily; readonly error: TurnError }[];
}

/** What an {@linkcode Allocation} needs. */
export interface AllocationOptions {
  readonly requests: Requests;
  readonly relay: "udp" | "tcp";
  readonly families: readonly IpFamily[];
  readonly lifetimeSeconds: number | undefined;
  readonly onAllocated: (addresses: AllocatedAddresses, now: number) => void;
  /** `exists`: the server has made an allocation, which must be given back. */
  readonly onFailed: (error: TurnError, now: number, exists: boolean) => void;
  readonly onDeleted: (now: number) => void;
}

/** The allocation itself: made, refreshed and given back (RFC 8656 §7, §8). */
export class Allocation {
  readonly #options: AllocationOptions;
  #addresses: AllocatedAddresses | undefined;
  #refreshAt = Infinity;
  #refreshing = false;

  constructor(options: AllocationOptions) {
    this.#options = options;
  }

  /** Undefined until it is made. */
  get addresses(): AllocatedAddresses | undefined {
    return this.#addresses;
  }

  /** Asks the server for it. */
  request(now: number): void {
    const { requests, relay, families, lifetimeSeconds, onFailed } = this.#options;
    requests.send({
      method: Method.Allocate,
      purpose: "allocation",
      write: (message) => {
        message.add(RequestedTransport, PROTOCOL[relay]);
        if (lifetimeSeconds !== undefined) message.add(Lifetime, lifetimeSeconds);
        writeFamilies(message, families);
      },
      onSuccess: (message, then) => this.#made(message, now, then),
      onFailure: (error, then) => onFailed(error, then, false),
    }, now);
  }

  /** Keeps it from expiring. */
  handleTimeout(now: number): void {
    if (this.#refreshAt <= now) this.refresh(now);
  }

  /** Refreshes it now: the surest way to hear that it is gone (RFC 8656 §5: 437). */
  refresh(now: number): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    this.#refreshAt = Infinity;
    const { requests, lifetimeSeconds, onFailed } = this.#options;
    requests.send({
      method: Method.Refresh,
      purpose: "refresh of the allocation",
      write: (message) => {
        if (lifetimeSeconds !== undefined) message.add(Lifetime, lifetimeSeconds);
      },
      onSuccess: (message) => {
        this.#refreshing = false;
        this.#schedule(message.get(Lifetime), now);
      },
      onFailure: (error, then) => onFailed(error, then, false),
    }, now);
  }

  /** When a refresh is due, milliseconds. */
  pollTimeout(): number {
    return this.#refreshAt;
  }

  /** Gives it back: a Refresh with lifetime 0 (RFC 8656 §8.1), for both families at once. */
  delete(now: number): void {
    this.#refreshAt = Infinity;
    const { requests, onDeleted } = this.#options;
    requests.send({
      method: Method.Refresh,
      purpose: "end of the allocation",
      write: (message) => void message.add(Lifetime, 0),
      onSuccess: (_, then) => onDeleted(then),
      onFailure: (_, then) => onDeleted(then),
      schedule: DELETE_SCHEDULE,
    }, now);
  }

  #made(message: StunMessage, since: number, now: number): void {
    const { families, onAllocated, onFailed } = this.#options;
    const addresses = read(message, families);
    if (addresses instanceof TurnError) return onFailed(addresses, now, true);
    this.#addresses = addresses;
    this.#schedule(addresses.lifetimeMs / 1000, since);
    onAllocated(addresses, now);
  }

  #schedule(lifetimeSeconds: number | undefined, since: number): void {
    const lifetimeMs = (lifetimeSeconds ?? this.#addresses!.lifetimeMs / 1000) * 1000;
    this.#refreshAt = since + Math.max(lifetimeMs - REFRESH_MARGIN_MS, lifetimeMs / 2);
  }
}

/**
 * IPv4 alone is what a server gives unasked, also one that has never heard of IPv6; both at once are
 * asked for by ADDITIONAL-ADDRESS-FAMILY, which stands for IPv6 and excludes the other attribute
 * (RFC 8656 §7.1).
 */
function writeFamilies(message: MessageWriter, families: readonly IpFamily[]): void {
  if (!families.includes(6)) return;
  if (families.includes(4)) message.add(AdditionalAddressFamily, 6);
  else message.add(RequestedAddressFamily, 6);
}

/** Reads the response; an error when it cannot be used (RFC 8656 §7.3). */
function read(message: StunMessage, families: readonly IpFamily[]): AllocatedAddresses | TurnError {
  const mapped = message.get(XorMappedAddress), lifetime = message.get(Lifetime);
  const relayed = relayedAddresses(message);
  if (mapped === undefined || !lifetime || relayed.length === 0) {
    return new TurnError("protocol", "the TURN server's allocation lacks address or lifetime");
  }
  if (relayed.some(({ ip }) => !families.includes(ipFamily(ip)))) {
    return new TurnError("family", "the TURN server allocated an address of another family");
  }
  if (relayed.some(({ ip, port }) => port === 0 || ipScope(ip) === "unspecified")) {
    return new TurnError("protocol", "the TURN server allocated an unspecified address");
  }
  const refusal = message.get(AddressErrorCode);
  const refused = refusal === undefined
    ? []
    : [{ family: refusal.family, error: errorOfCode(refusal.code, refusal.reason) }];
  return { relayed, mapped, lifetimeMs: lifetime * 1000, refused };
}

/** Up to one for each family, IPv4 first; only what the integrity attribute covers. */
function relayedAddresses(message: StunMessage): SocketAddress[] {
  const end =
    message.attributes.find(({ type }) =>
      type === MESSAGE_INTEGRITY || type === MESSAGE_INTEGRITY_SHA256
    )?.offset ?? Infinity;
  const all = message.attributes
    .filter(({ type, offset }) => type === XorRelayedAddress.type && offset < end)
    .map((attribute) => XorRelayedAddress.decode(attribute, message.transactionId));
  const first = (family: IpFamily) => all.find(({ ip }) => ipFamily(ip) === family);
  return [first(4), first(6)].filter((address) => address !== undefined);
}
