/**
 * `dnc`: netcat between two machines that know only each other's key.
 *
 * @module
 */
import { DNC_OPTIONS, DNC_TOPICS, type DncOptions } from "./dnc/options.ts";
import { DNC_FILE_SETTINGS, type DncFileSettings } from "./dnc/settings.ts";
import { asksForControl, startDnc } from "./dnc/start.ts";
import { configurationPlaces } from "./tool/configuration_places.ts";
import { asksForText, runTool, type Tool } from "./tool/tool.ts";

/** The description of `dnc`. */
export const DNC: Tool<DncOptions, DncFileSettings> = {
  name: "dnc",
  summary: "netcat between machines that know only each other's key",
  usage: [
    "-l                     wait for a peer, pipe stdin and stdout",
    "-l --allow HOST:PORT   let peers reach this target, no other",
    "ID                     connect to a peer, pipe stdin and stdout",
    "ID [-i HOST] -P PORT   reach a target at the peer's side",
    "ID -L PORT:HOST:PORT   forward a port to a target there; also -R, -D",
    "--ping ID | --netcheck | --id | --qr",
  ],
  topics: DNC_TOPICS,
  options: DNC_OPTIONS,
  fileSettings: DNC_FILE_SETTINGS,
  defaultFiles: ({ values }) => configurationPlaces("dnc", values.listen),
  maxPositionals: 1,
  notes: `
An ID is a device's public key in hex, or its name in peers.yaml. That file and
our identity, made at the first start, are in $DHTNET_CONFIG_DIR or
$XDG_CONFIG_HOME/dhtnet or ~/.config/dhtnet. Settings: options, then variables
such as $DHTNET_TURN_PASS, then -d FILE, else ~/.dnc/config.yml or dnc.yaml in
that directory, with -l also /etc/dhtnet/dnc.yaml; --print-config shows them.
Standard output carries payload only. The end of input ends that direction only.
Ctrl-C ends in order, a second at once. SIGHUP makes -l -d read its file again.
Exit: 0 done, 1 network or peer failed, 2 usage, 3 refused, 130 INT, 143 TERM.
  dnc -l > file ; dnc ID < file         copy a file; one machine: --interface lo
  dnc -l --allow 127.0.0.1:22           serve this machine's ssh
  ssh -o ProxyCommand='dnc %h -P 22' user@ID`,
  run: (command) => startDnc(command, import.meta.url),
};

// Loading begins before the command line is read: one after the other takes 20 ms longer.
if (import.meta.main && !asksForControl(Deno.args) && !asksForText(Deno.args)) {
  import("./dnc/run.ts").catch(() => {});
}

// Deno.exit, because a read of standard input may be pending.
if (import.meta.main) Deno.exit(await runTool(DNC, Deno.args));
