/**
 * `dnc`: netcat between two machines that know only each other's key.
 *
 * @module
 */
import { DNC_OPTIONS, type DncOptions } from "./dnc/options.ts";
import { runDnc } from "./dnc/run.ts";
import { runTool, type Tool } from "./tool/tool.ts";

const DNC: Tool<DncOptions> = {
  name: "dnc",
  summary: "netcat between machines that know only each other's key",
  usage: [
    "-l                     wait for a peer, pipe stdin and stdout",
    "-l --allow HOST:PORT   let peers reach this target, no other",
    "ID                     connect to a peer, pipe stdin and stdout",
    "ID [-i HOST] -P PORT   reach a target at the peer's side",
    "--id                   show the id of this device",
  ],
  options: DNC_OPTIONS,
  maxPositionals: 1,
  notes: `
An ID is a device's public key, 64 hexadecimal characters. The identity is made
at the first start, in $DHTNET_CONFIG_DIR, else in $XDG_CONFIG_HOME/dhtnet, else
in ~/.config/dhtnet. Standard output carries payload only.

The end of standard input ends that direction only; dnc ends when both have
ended. A first Ctrl-C closes in order, a second one stops at once.

Exit codes: 0 done, 1 network or peer failed, 2 wrong usage or configuration,
3 refused by the peer, 130 SIGINT, 143 SIGTERM.

Examples:
  dnc -l --interface lo                 two terminals on one machine: this one
  dnc ID --interface lo                 and that one, with the id shown
  dnc -l > file ; dnc ID < file         copy a file
  dnc -l --allow 127.0.0.1:22           serve this machine's ssh
  ssh -o ProxyCommand='dnc %h -P 22' user@ID`,
  run: (command) => runDnc(command, import.meta.url),
};

// Deno.exit, because a read of standard input may be pending.
if (import.meta.main) Deno.exit(await runTool(DNC, Deno.args));
