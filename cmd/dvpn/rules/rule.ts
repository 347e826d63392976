import { listOf, mapped, mapping, path, scalar } from "../../../lib/config/schema.ts";
import { type Schema, SettingError } from "../../../lib/config/mod.ts";
import { authorityName, isIdText, peerId } from "../../peer/peer_id.ts";
import { choice } from "../../tool/option.ts";
import { acceptable, type FileSetting } from "../../tool/settings.ts";
import { type Destination, parseDestination } from "./network.ts";

/** What a rule is about; `icmp` stands for both versions. */
export type RuleProtocol = "tcp" | "udp" | "icmp";

/** What peers may reach, and which. */
export interface AccessRule {
  /** What they may reach. */
  readonly to: readonly Destination[];
  /** Undefined: every protocol; where a port is named, those with ports. */
  readonly protocol: RuleProtocol | undefined;
  /** Who may; undefined: everybody who is let in. */
  readonly who: RuleSubjects | undefined;
}

/** Which peers a rule is for: those that either list names. */
export interface RuleSubjects {
  /** Ids of devices. */
  readonly ids: readonly string[];
  /** Ids of CAs, or files with their certificates. */
  readonly authorities: readonly string[];
}

const RULE: Schema<AccessRule> = mapped(
  mapping({
    to: listOf(scalar(acceptable(parseDestination))),
    protocol: scalar(acceptable(choice("tcp", "udp", "icmp"))),
    allow: listOf(scalar(acceptable(peerId))),
    authorities: listOf(mapped(path((text) => !isIdText(text)), acceptable(authorityName))),
  }, ["to"]),
  ({ to = [], protocol, allow, authorities }): AccessRule => {
    if (protocol === "icmp" && to.some(({ ports }) => ports !== undefined)) {
      throw new SettingError("icmp has no ports");
    }
    const isForAll = allow === undefined && authorities === undefined;
    const who = isForAll ? undefined : { ids: allow ?? [], authorities: authorities ?? [] };
    return { to, protocol, who };
  },
);

/** The settings of `dvpn` that only a configuration file has. */
export const DVPN_FILE_SETTINGS: {
  readonly rules: FileSetting<readonly AccessRule[] | undefined>;
} = {
  rules: {
    description:
      "What peers may reach: a list of to, protocol, and those who may (allow, authorities). " +
      "Once there is a list, nothing else is reached.",
    schema: listOf(RULE),
    initial: undefined,
  },
};

/** The type of the table. */
export type DvpnFileSettings = {
  rules: FileSetting<readonly AccessRule[] | undefined>;
};
