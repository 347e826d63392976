import { REVOCATION_REASONS } from "../../lib/identity/revocation_list.ts";
import { MAX_VALIDITY_DAYS } from "../../lib/identity/validity.ts";
import { choice, flag, integer, list, single, text } from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";

/** The options of `crtmgr`; its letters are upstream's. */
export const CRTMGR_OPTIONS = {
  interactive: flag("i", "Ask what this machine is to be, and set it up."),
  setup: flag("s", "With -o: make what a server needs, unless it is there."),
  output: single("o", "PATH", text, "Folder to write to; in a command, the file."),
  name: single(
    "n",
    "NAME",
    text,
    "Name of certificate and files; by default ca, certificate.",
  ),
  certificate: single("c", "FILE", text, "Certificate of the CA; with -a, of the device."),
  privatekey: single("p", "FILE", text, "Private key that belongs to -c."),
  identifier: flag("a", "Show the id of a device, alone on standard output."),
  days: single(
    "",
    "N",
    integer(1, MAX_VALIDITY_DAYS),
    "Days of validity, else 10 years; of a list, 365.",
  ),
  ca: list("", "FILE", text, "Certificate of a trusted CA; repeatable."),
  crl: list("", "FILE", text, "Certificates that their CA revoked; repeatable."),
  reason: single(
    "",
    "WORD",
    choice(...REVOCATION_REASONS.values()),
    "keyCompromise, superseded, unspecified, …",
  ),
  "key-pass-file": single("", "FILE", text, "First line: the passphrase of private keys."),
  json: flag("", "What is shown: one object a line."),
  help: HELP,
  version: versionOption("vV"),
};

/** The type of the table. */
export type CrtmgrOptions = typeof CRTMGR_OPTIONS;
