import { equalSocketAddress, ipFamily, parseIp, type SocketAddress } from "../ip/mod.ts";
import {
  ACTIVE_TCP_PORT,
  type CandidateType,
  isSendable,
  type LocalCandidate,
  type TcpType,
  type Transport,
} from "./candidate.ts";
import { IceError } from "./error.ts";
import { candidatePriority, LOCAL_PREFERENCE_STEPS } from "./priority.ts";

/** A local address that gathering found, see {@linkcode IceAgent.addLocalCandidate}. */
export interface LocalCandidateInput {
  /** UDP or TCP. */
  readonly transport: Transport;
  /** How it was learned; `prflx` is learned by the agent itself. */
  readonly type: Exclude<CandidateType, "prflx">;
  /** The address for the peer. For active TCP the port is replaced by 9. */
  readonly address: SocketAddress;
  /** The address to send from; by default `address`. Needed for `srflx`. */
  readonly base?: SocketAddress;
  /** Needed for TCP. */
  readonly tcpType?: TcpType;
  /** For diagnosis, see {@linkcode Candidate.related}. */
  readonly related?: SocketAddress;
  /** The STUN or TURN server it was learned from; part of the foundation. */
  readonly server?: string;
  /**
   * 0 to 8191, higher is better. By default the order of addition counts, IPv6 and IPv4 taking
   * turns as RFC 8421 §4 recommends.
   */
  readonly localPreference?: number;
}

/** The candidates of this side. They outlive restarts. */
export class LocalCandidates {
  readonly #list: LocalCandidate[] = [];
  readonly #foundations = new Map<string, string>();
  /** Changes with every change of the list. */
  version = 0;
  readonly #preferTransport: Transport;
  readonly #limit: number;

  constructor(preferTransport: Transport, limit: number) {
    this.#preferTransport = preferTransport;
    this.#limit = limit;
  }

  get all(): readonly LocalCandidate[] {
    return this.#list;
  }

  /**
   * Adds a candidate; returns the existing one when it is redundant (RFC 8445 §5.1.3).
   * @throws {IceError} codes `bad-candidate`, `too-many-candidates`
   */
  add(input: LocalCandidateInput): { candidate: LocalCandidate; added: boolean } {
    const { transport, type, tcpType, related, server } = input;
    expectSensible(input);
    const active = tcpType === "active";
    const base = input.base ?? input.address;
    const address = active ? { ip: input.address.ip, port: ACTIVE_TCP_PORT } : input.address;
    const twin = this.#find(transport, tcpType, address, base);
    if (twin) return { candidate: twin, added: false };
    if (this.#list.length >= this.#limit) {
      throw new IceError("too-many-candidates", `an agent takes ${this.#limit} local candidates`);
    }
    const localPreference = this.#uniquePreference(input, base);
    const candidate: LocalCandidate = {
      foundation: this.#foundation(type, base.ip, tcpType === "so" ? "so" : transport, server),
      component: 1,
      transport,
      priority: candidatePriority({ ...input, localPreference, preferTransport: this.#prefer }),
      address,
      type,
      base,
      localPreference,
      ...(tcpType ? { tcpType } : {}),
      ...(related ? { related } : {}),
    };
    this.#list.push(candidate);
    this.version++;
    return { candidate, added: true };
  }

  /**
   * Takes note of the address that a peer saw (RFC 8445 §7.2.5.3.1). Returns the candidate if it is
   * a new one.
   */
  discover(from: LocalCandidate, mapped: SocketAddress): LocalCandidate | undefined {
    // The port of an active candidate is only known now, and is not worth a candidate.
    if (from.tcpType === "active" && mapped.ip === from.base.ip) return undefined;
    const known = this.#list.some((candidate) =>
      candidate.transport === from.transport && equalSocketAddress(candidate.address, mapped)
    );
    if (known || this.#list.length >= this.#limit) return undefined;
    const candidate: LocalCandidate = {
      ...from,
      type: "prflx",
      address: mapped,
      related: from.base,
      priority: this.reflexivePriority(from),
      foundation: this.#foundation("prflx", from.base.ip, from.transport, undefined),
    };
    this.#list.push(candidate);
    this.version++;
    return candidate;
  }

  /** What goes into PRIORITY of a check from this candidate (RFC 8445 §7.1.1). */
  reflexivePriority(candidate: LocalCandidate): number {
    return candidatePriority({ ...candidate, type: "prflx", preferTransport: this.#prefer });
  }

  remove(candidate: LocalCandidate): boolean {
    const index = this.#list.indexOf(candidate);
    if (index >= 0) this.#list.splice(index, 1);
    this.version++;
    return index >= 0;
  }

  /** Peer-reflexive candidates belong to a generation (RFC 8445 §9). */
  forgetReflexive(): void {
    const kept = this.#list.filter(({ type }) => type !== "prflx");
    this.#list.splice(0, Infinity, ...kept);
  }

  /** The candidate whose packets leave from this UDP socket, or whose listener this is. */
  byBase(transport: Transport, base: SocketAddress): LocalCandidate | undefined {
    let best: LocalCandidate | undefined;
    for (const candidate of this.#list) {
      if (candidate.transport !== transport || candidate.tcpType === "active") continue;
      if (candidate.type === "prflx" || !equalSocketAddress(candidate.base, base)) continue;
      if (!best || candidate.priority > best.priority) best = candidate;
    }
    return best;
  }

  get #prefer(): Transport {
    return this.#preferTransport;
  }

  #find(
    transport: Transport,
    tcpType: TcpType | undefined,
    address: SocketAddress,
    base: SocketAddress,
  ): LocalCandidate | undefined {
    return this.#list.find((candidate) =>
      candidate.transport === transport && candidate.tcpType === tcpType &&
      candidate.type !== "prflx" && equalSocketAddress(candidate.address, address) &&
      equalSocketAddress(candidate.base, base)
    );
  }

  /**
   * RFC 8445 §5.1.1.3: same type, base address, transport and server. Simultaneous open is another
   * transport here: it works where dialling does not, and must not wait for that to time out.
   */
  #foundation(
    type: CandidateType,
    baseIp: string,
    transport: Transport | "so",
    server?: string,
  ): string {
    const key = `${type} ${baseIp} ${transport} ${server ?? ""}`;
    const known = this.#foundations.get(key);
    if (known) return known;
    const foundation = String(this.#foundations.size + 1);
    this.#foundations.set(key, foundation);
    return foundation;
  }

  /** RFC 8445 §5.1.2.1: unique among candidates of one type, here also of one transport. */
  #uniquePreference(input: LocalCandidateInput, base: SocketAddress): number {
    const same = this.#list.filter((candidate) =>
      candidate.type === input.type && candidate.transport === input.transport &&
      candidate.tcpType === input.tcpType
    );
    const family = ipFamily(base.ip);
    const before = same.filter((candidate) => ipFamily(candidate.base.ip) === family).length;
    const wanted = input.localPreference ??
      LOCAL_PREFERENCE_STEPS - 1 - 2 * before - (family === 4 ? 1 : 0);
    const taken = new Set(same.map(({ localPreference }) => localPreference));
    let preference = Math.min(LOCAL_PREFERENCE_STEPS - 1, Math.max(0, Math.trunc(wanted)));
    while (taken.has(preference) && preference > 0) preference--;
    while (taken.has(preference)) preference++;
    return preference;
  }
}

function expectSensible(input: LocalCandidateInput): void {
  const { transport, address, base, tcpType, type } = input;
  const refuse = (why: string): never => {
    throw new IceError("bad-candidate", why);
  };
  if ((transport === "tcp") !== (tcpType !== undefined)) refuse("TCP candidates have a tcpType");
  if (type === "srflx" && !base) refuse("a reflexive candidate needs its base");
  const port = tcpType === "active" ? ACTIVE_TCP_PORT : address.port;
  if (!isSendable({ ip: address.ip, port })) refuse("the address cannot be a destination");
  if (base && ipFamily(base.ip) !== ipFamily(address.ip) && type === "host") {
    refuse("address and base are of different families");
  }
  if (isDeprecated(address.ip)) refuse("deprecated kind of IPv6 address (RFC 8445 §5.1.1.1)");
}

/** IPv4-compatible (RFC 4291 §2.5.5.1) and site-local (RFC 3879) addresses. */
function isDeprecated(ip: string): boolean {
  const bytes = parseIp(ip);
  if (bytes.length === 4) return false;
  if (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0xc0) return true;
  const compatible = bytes.subarray(0, 12).every((byte) => byte === 0);
  return compatible && (bytes[12]! | bytes[13]!) !== 0;
}
