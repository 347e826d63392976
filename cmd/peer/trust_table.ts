import { flag, list, setting, text } from "../tool/option.ts";
import { authorityName, isIdText, peerId } from "./peer_id.ts";

/** Whom a listener lets in: the options that every tool with a listening side has. */
export const TRUST_OPTIONS = {
  anonymous: setting(flag("a", "With -l: any device may connect, whoever signed it.")),
  authority: setting(
    list("", "ID|FILE", authorityName, "With -l: devices signed by this CA may connect."),
    { key: "authorities", file: (name) => !isIdText(name) },
  ),
  "allow-peer": setting(
    list("", "ID", peerId, "With -l: this device may connect, too; repeatable."),
    { key: "allow" },
  ),
  ban: setting(list("", "ID", peerId, "With -l: not this device, nor devices of this CA.")),
  crl: setting(
    list("", "FILE", text, "With -l: certificates that their CA has revoked, PEM."),
    { file: true },
  ),
  "end-revoked-sessions": setting(
    flag("", "With -l: also end sessions of peers that are now refused."),
  ),
};

/** The type of the table. */
export type TrustOptions = typeof TRUST_OPTIONS;
