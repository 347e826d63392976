import { peerMatches, type VerifiedChain } from "../../../lib/identity/mod.ts";
import { isIdText } from "../../peer/peer_id.ts";
import { type Account, accountOf, ownAccount } from "./account.ts";
import type { UserRule } from "./user_rule.ts";

/** Finds the account that a peer's sessions run as. */
export class Accounts {
  readonly #rules: readonly { peer: string | undefined; account: Account }[];
  readonly #usual: Account | undefined;
  readonly #authorities: () => readonly string[];

  private constructor(
    rules: readonly { peer: string | undefined; account: Account }[],
    usual: Account | undefined,
    authorities: () => readonly string[],
  ) {
    this.#rules = rules;
    this.#usual = usual;
    this.#authorities = authorities;
  }

  /**
   * Looks up the accounts of rules. Where every rule names a peer, there is none for the others.
   *
   * @param rules undefined where none are given, which is not the same as an empty list
   * @param authorities tells the ids of the CAs whose devices are known by the names in their
   *   certificates now; any other CA may have written anything there
   * @throws {ToolError} usage, when there is no such user, or only root could become it
   */
  static async of(
    rules: readonly UserRule[] | undefined,
    authorities: () => readonly string[],
  ): Promise<Accounts> {
    const found = await Promise.all(
      (rules ?? []).map(async ({ peer, user }) => ({ peer, account: await accountOf(user) })),
    );
    const named = found.filter(({ peer }) => peer !== undefined);
    const usual = rules === undefined
      ? await ownAccount()
      : found.findLast(({ peer }) => peer === undefined)?.account;
    return new Accounts(named, usual, authorities);
  }

  /** The account for a peer; undefined when there is none: then it may run nothing. */
  accountFor(peer: VerifiedChain): Account | undefined {
    const [name = ""] = peerMatches({ authorities: this.#authorities() }, peer)
      ? peer.subjects
      : [];
    // A rule for an id is for the key: whoever asks for a certificate may call itself like that.
    const rule = this.#rules.find((rule) => rule.peer === peer.id) ??
      this.#rules.find((rule) => rule.peer === name && !isIdText(name));
    return rule?.account ?? this.#usual;
  }
}
