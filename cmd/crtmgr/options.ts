import { MAX_VALIDITY_DAYS, REVOCATION_REASONS } from "../../lib/identity/mod.ts";
import { choice, flag, integer, list, single, text } from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";

/** The options of `crtmgr`; its letters are upstream's. */
export const CRTMGR_OPTIONS = {
  interactive: flag("i", "Ask what this machine is to be, and set it up."),
  setup: flag("s", "With -o: a server's CA and identity, unless they are there."),
  output: single("o", "PATH", text, "Folder to write to, made if need be; in a command, the file."),
  name: single(
    "n",
    "NAME",
    text,
    "Name of the certificate and of its files; by default ca for a CA, certificate for a device.",
  ),
  certificate: single("c", "FILE", text, "Certificate of the signing CA; with -a, of the device."),
  privatekey: single("p", "FILE", text, "Private key that belongs to -c."),
  identifier: flag("a", "Show the id of a device, alone on standard output."),
  days: single(
    "",
    "N",
    integer(1, MAX_VALIDITY_DAYS),
    "Valid for so many days, not 10 years; revoke: a newer list follows within them.",
  ),
  ca: list("", "FILE", text, "verify, revocations: certificate of a trusted CA; repeatable."),
  crl: list("", "FILE", text, "verify: certificates that their CA has revoked; repeatable."),
  reason: single(
    "",
    "WORD",
    choice(...REVOCATION_REASONS.values()),
    "revoke: why, such as keyCompromise, superseded or cessationOfOperation.",
  ),
  "key-pass-file": single("", "FILE", text, "First line: the passphrase of private keys."),
  json: flag("", "What is shown: one object a line."),
  help: HELP,
  version: versionOption("vV"),
};

/** The type of the table. */
export type CrtmgrOptions = typeof CRTMGR_OPTIONS;
