/**
 * `crtmgr`: makes certificate authorities and device certificates, and shows ids.
 *
 * @module
 */
import { runCommand } from "./crtmgr/commands.ts";
import { CRTMGR_OPTIONS, type CrtmgrOptions } from "./crtmgr/options.ts";
import { runTool, type Tool } from "./tool/tool.ts";

/** The description of `crtmgr`. */
export const CRTMGR: Tool<CrtmgrOptions> = {
  name: "crtmgr",
  summary: "make keys and certificates for dhtnet's tools",
  usage: [
    "-i                            ask, and set up a server or a client",
    "-s -o DIR                     a server: DIR/CA/ca-server, DIR/id/id-server",
    "-o DIR [-n NAME]              a new certificate authority (CA)",
    "-o DIR [-n NAME] -c CA.crt -p CA.pem      a new device, signed by a CA",
    "-a [-c DEVICE.crt] [-p DEVICE.pem]        the id of a device",
    "show FILE…                    what a certificate, key or CRL says",
    "verify DEVICE.crt… --ca CA.crt [--crl FILE]",
    "revoke [DEVICE.crt|SERIAL|ID]… -c CA.crt -p CA.pem [--reason WORD]",
    "revocations FILE… [--ca CA.crt]           what a CA has revoked",
    "renew DEVICE.crt|CA.crt -c CA.crt -p CA.pem [--days N] [-o FILE]",
    "rotate DEVICE.crt -c CA.crt -p CA.pem -o DIR     a new key, by the old one",
    "encrypt|decrypt KEY.pem [-o FILE]         a private key's passphrase",
  ],
  options: CRTMGR_OPTIONS,
  maxPositionals: Infinity,
  notes: `
Keys are Ed25519; an id is the public key itself, 64 hexadecimal characters.
Written are NAME.crt (certificate chain, PEM) and NAME.pem (private key, PEM,
mode 0600); existing files are never overwritten unasked. A tool without -c and
-p uses certificate.crt and certificate.pem in $DHTNET_CONFIG_DIR, else in
$XDG_CONFIG_HOME/dhtnet, else in ~/.config/dhtnet, and makes them if need be.
The passphrase of private keys: --key-pass-file, $DHTNET_KEY_PASS, or asked for.

Exit codes: 0 done, 1 failed or not valid, 2 wrong usage.

Examples:
  crtmgr --interactive
  crtmgr -o ~/dhtnet -n ca
  crtmgr -o ~/dhtnet -n laptop -c ~/dhtnet/ca.crt -p ~/dhtnet/ca.pem
  ID=$(crtmgr -a -c ~/dhtnet/laptop.crt)`,
  run: (command) => runCommand(command, import.meta.url),
};

if (import.meta.main) Deno.exit(await runTool(CRTMGR, Deno.args));
