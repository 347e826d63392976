import { decodeCertificate, type Identity, type TrustRules } from "../../lib/identity/mod.ts";
import type { GivenOptions } from "../tool/given.ts";
import type { OptionValues } from "../tool/option.ts";
import { resolveAuthorities } from "./authorities.ts";
import { readRevocations } from "./revocations.ts";
import type { TrustOptions } from "./trust_table.ts";

/** Whom a listener lets in, as options and files say. */
export interface Trust {
  /** The rules. */
  readonly rules: TrustRules;
  /** Files that they were read from. */
  readonly files: readonly string[];
  /** What the user should know, one sentence each. */
  readonly warnings: readonly string[];
}

/** A command line, as far as it says whom to let in. */
export interface TrustCommand {
  /** Values of the options. */
  readonly values: OptionValues<TrustOptions>;
  /** Which of them were given: a list that is given names whom it names, and if that is nobody. */
  readonly given: GivenOptions;
}

/** How a tool trusts when nothing is said. */
export interface TrustDefaults {
  /** Our own identity: devices that our own CA signed are trusted, as upstream has it. */
  readonly identity: Identity;
  /** Whether any device may connect where no list says who may. */
  readonly anonymous: boolean;
}

/**
 * Reads the rules that options name, with their files.
 *
 * @throws {ToolError} usage, when a file cannot be used
 */
export async function readTrust(
  { values, given }: TrustCommand,
  defaults: TrustDefaults,
): Promise<Trust> {
  const { authority, ban, crl } = values;
  const allow = values["allow-peer"];
  const ownAuthorities = defaults.identity.chain.slice(1);
  const authorities = await resolveAuthorities(authority);
  const known = [...authorities.certificates, ...ownAuthorities];
  const { lists, warnings } = await readRevocations(crl, known, new Date());
  const isListed = given.has("authority") || given.has("allow-peer");
  return {
    rules: {
      anonymous: given.has("anonymous") ? values.anonymous : defaults.anonymous && !isListed,
      authorities: given.has("authority")
        ? authorities.ids
        : ownAuthorities.slice(0, 1).map((der) => decodeCertificate(der).id),
      allow,
      ban,
      revocations: lists,
    },
    files: [...authorities.files, ...crl],
    warnings,
  };
}
