import type { IpFamily } from "../../../lib/ip/mod.ts";
import { addressKey } from "../data/address_filter.ts";
import { Member } from "./member.ts";
import { memberAddress6, memberAddresses4, type MeshNetwork } from "./member_addresses.ts";
import type { InterfaceAddress } from "../address/address_range.ts";

/** Most members that one knows of. */
const MAX_MEMBERS = 1024;

/**
 * Who may be in the network: those that are listed, and those that one has heard of. Each has its
 * addresses, whether it is there or not.
 */
export class Roster {
  /** Our own addresses. */
  readonly own: readonly InterfaceAddress[];
  readonly #network: MeshNetwork;
  readonly #ownId: string;
  readonly #members = new Map<string, Member>();
  readonly #byAddress = new Map<string, Member>();

  /**
   * @param ownId our id, which may be among those listed
   * @param listed ids of members
   * @param families those that we can have addresses of
   */
  constructor(
    network: MeshNetwork,
    ownId: string,
    listed: readonly string[],
    families: readonly IpFamily[],
  ) {
    this.#network = network;
    this.#ownId = ownId;
    const ipv4 = memberAddresses4(network, [ownId, ...listed]);
    const addresses = (id: string) =>
      [ipv4.get(id), memberAddress6(network, id)].filter((one) => one !== undefined);
    this.own = addresses(ownId).filter(({ family }) => families.includes(family));
    for (const id of listed) {
      if (id !== ownId) this.#enter(new Member(id, addresses(id), true));
    }
  }

  /** All of them. */
  get members(): Iterable<Member> {
    return this.#members.values();
  }

  /** Who has an address, by {@linkcode addressKey}. */
  at(key: string): Member | undefined {
    return this.#byAddress.get(key);
  }

  /**
   * The member of that id, who is calling; one that we have only heard of makes room for it.
   *
   * @returns undefined when it is ourselves, or one too many, or another has its address
   */
  meet(id: string): Member | undefined {
    if (!this.#members.has(id) && this.#members.size >= MAX_MEMBERS) this.#makeRoom();
    return this.hear(id);
  }

  /** The member of that id, of whom others speak, as far as there is room. */
  hear(id: string): Member | undefined {
    const known = this.#members.get(id);
    if (known !== undefined) return known;
    if (id === this.#ownId || this.#members.size >= MAX_MEMBERS) return undefined;
    const member = new Member(id, [memberAddress6(this.#network, id)], false);
    return this.#enter(member) ? member : undefined;
  }

  #enter(member: Member): boolean {
    const keys = member.addresses.map(addressKey);
    const own = this.own.map(addressKey);
    if (keys.some((key) => this.#byAddress.has(key) || own.includes(key))) return false;
    this.#members.set(member.id, member);
    for (const key of keys) this.#byAddress.set(key, member);
    return true;
  }

  #makeRoom(): void {
    for (const member of this.#members.values()) {
      if (member.isListed || !member.isIdle) continue;
      this.#members.delete(member.id);
      for (const address of member.addresses) this.#byAddress.delete(addressKey(address));
      return;
    }
  }
}
