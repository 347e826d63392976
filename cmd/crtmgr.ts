/**
 * `crtmgr`: makes certificate authorities and device certificates, and shows ids.
 *
 * @module
 */
import { createCertificate } from "./crtmgr/create.ts";
import { CRTMGR_OPTIONS, type CrtmgrOptions } from "./crtmgr/options.ts";
import { showId } from "./crtmgr/show_id.ts";
import { ExitCode, UsageError } from "./tool/exit_code.ts";
import { runTool, type Tool } from "./tool/tool.ts";

/** The description of `crtmgr`. */
export const CRTMGR: Tool<CrtmgrOptions> = {
  name: "crtmgr",
  summary: "make keys and certificates for dhtnet's tools",
  usage: [
    "-o DIR [-n NAME]                      a new certificate authority (CA)",
    "-o DIR [-n NAME] -c CA.crt -p CA.pem  a new device, signed by a CA",
    "-a -c DEVICE.crt -p DEVICE.pem        the id of a device",
  ],
  options: CRTMGR_OPTIONS,
  maxPositionals: 0,
  notes: `
Keys are Ed25519; an id is the public key itself, 64 hexadecimal characters.
Written are NAME.crt (certificate chain, PEM) and NAME.pem (private key, PEM,
mode 0600); existing files are never overwritten. A tool without -c and -p uses
certificate.crt and certificate.pem in $DHTNET_CONFIG_DIR, else in
$XDG_CONFIG_HOME/dhtnet, else in ~/.config/dhtnet, and makes them if need be.

Exit codes: 0 done, 1 failed, 2 wrong usage.

Examples:
  crtmgr -o ~/dhtnet -n ca
  crtmgr -o ~/dhtnet -n laptop -c ~/dhtnet/ca.crt -p ~/dhtnet/ca.pem
  ID=$(crtmgr -a -c ~/dhtnet/laptop.crt -p ~/dhtnet/laptop.pem)`,
  async run({ values }) {
    if (values.identifier && values.output !== undefined) {
      throw new UsageError("-a shows an id and -o makes a certificate: give one of them");
    }
    if (values.identifier) await showId(values);
    else await createCertificate(values);
    return ExitCode.ok;
  },
};

if (import.meta.main) Deno.exit(await runTool(CRTMGR, Deno.args));
