import { flag, single, text } from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";

/** The options of `crtmgr`; its letters are upstream's. */
export const CRTMGR_OPTIONS = {
  output: single("o", "DIR", text, "Folder to write to; created with mode 0700."),
  name: single(
    "n",
    "NAME",
    text,
    "Name of the certificate and of its files; by default ca for a CA, certificate for a device.",
  ),
  certificate: single("c", "FILE", text, "Certificate of the signing CA; with -a, of the device."),
  privatekey: single("p", "FILE", text, "Private key that belongs to -c."),
  identifier: flag("a", "Show the id of a device, alone on standard output."),
  help: HELP,
  version: versionOption("vV"),
};

/** The type of the table. */
export type CrtmgrOptions = typeof CRTMGR_OPTIONS;
