/**
 * `dvpn`: a private network between machines that know only each other's key.
 *
 * @module
 */
import { DVPN_OPTIONS, DVPN_TOPICS, type DvpnOptions } from "./dvpn/options.ts";
import { DVPN_FILE_SETTINGS, type DvpnFileSettings } from "./dvpn/rules/rule.ts";
import { configurationPlaces } from "./tool/configuration_places.ts";
import { asksForText, runTool, type Tool } from "./tool/tool.ts";

/** The description of `dvpn`. */
export const DVPN: Tool<DvpnOptions, DvpnFileSettings> = {
  name: "dvpn",
  summary: "a private network between machines that know only each other's key",
  usage: [
    "-l          be the server: give addresses to peers",
    "ID          be a client of that server",
    "--mesh      be a member of a network without a server",
    "--status    show peers, paths and amounts",
    "--id        show this device's id",
  ],
  topics: DVPN_TOPICS,
  options: DVPN_OPTIONS,
  fileSettings: DVPN_FILE_SETTINGS,
  defaultFiles: ({ values }) => configurationPlaces("dvpn", values.listen || values.mesh),
  maxPositionals: 1,
  notes: `
Needs Linux, root (CAP_NET_ADMIN) and iproute2; --nat and --kill-switch need
nftables. The server gives every peer the same addresses again; a peer can send
from these alone. Everything is undone at the end, on SIGTERM, and when the
server goes away; then it is waited for. What kill -9 leaves is undone by the
next start, or --cleanup. Ctrl-C ends in order, a second at once; so does
SIGHUP, at which a server with a configuration file reads it again instead.
Exit: 0 done, 1 network or peer failed, 2 usage, 3 refused, 129 HUP, 130 INT,
143 TERM.`,
  run: async (command) => (await import("./dvpn/run.ts")).runDvpn(command, import.meta.url),
};

// Loading begins before the command line is read: one after the other takes 20 ms longer.
if (import.meta.main && !asksForText(Deno.args)) import("./dvpn/run.ts").catch(() => {});

// Deno.exit, because a thread may still wait for the interface.
if (import.meta.main) Deno.exit(await runTool(DVPN, Deno.args));
