/**
 * `crtmgr`: makes certificate authorities and device certificates, and shows ids.
 *
 * @module
 */
import { CRTMGR_OPTIONS, type CrtmgrOptions } from "./crtmgr/options.ts";
import { runTool, type Tool } from "./tool/tool.ts";

/** The description of `crtmgr`. */
export const CRTMGR: Tool<CrtmgrOptions> = {
  name: "crtmgr",
  summary: "make keys and certificates for dhtnet's tools",
  usage: [
    "-i                      set up a server or a client, by answers",
    "-s -o DIR               a server's CA and identity",
    "-o DIR [-n NAME]        a new certificate authority (CA)",
    "-o DIR [-n NAME] CA     a new device, signed by a CA",
    "-a -c FILE | -a -p FILE the id of a device",
    "show FILE…              what certificates, keys and lists say",
    "verify FILE… --ca FILE [--crl FILE]",
    "revoke [FILE|SERIAL|ID]… CA [--reason WORD] [-o FILE]",
    "revocations FILE… [--ca FILE]",
    "renew FILE CA [--days N] [-o FILE]",
    "rotate FILE CA -o DIR [-n NAME]",
    "encrypt|decrypt KEY [-o FILE]",
  ],
  options: CRTMGR_OPTIONS,
  maxPositionals: Infinity,
  notes: `
CA stands for -c CA.crt -p CA.pem. Keys are Ed25519; an id is the public key
itself, 64 hexadecimal characters. Written are NAME.crt (certificate chain, PEM)
and NAME.pem (private key, mode 0600); nothing is overwritten unasked. revoke
adds to the CA's list, CA.crl, and needs no more than the id of a device that
the CA has signed; without any it makes the list anew. renew signs a certificate
again under the same key, for which that key is not needed: so another CA takes
a device in. rotate makes a new key, and a statement of the old one that names
it. encrypt and decrypt change a private key in its place. Its passphrase is in
--key-pass-file or $DHTNET_KEY_PASS, or asked for.

Exit codes: 0 done, 1 failed or not valid, 2 wrong usage.
  crtmgr -o ~/dhtnet -n ca
  crtmgr -o ~/dhtnet -n laptop -c ~/dhtnet/ca.crt -p ~/dhtnet/ca.pem
  ID=$(crtmgr -a -c ~/dhtnet/laptop.crt)`,
  run: async (command) =>
    (await import("./crtmgr/commands.ts")).runCommand(command, import.meta.url),
};

if (import.meta.main) Deno.exit(await runTool(CRTMGR, Deno.args));
