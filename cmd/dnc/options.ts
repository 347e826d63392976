import { count, duration, flag, integer, list, port, single } from "../tool/option.ts";
import { NETWORK_OPTIONS } from "../peer/network_table.ts";
import { parseHost, parseTarget } from "../peer/target.ts";
import { HELP, versionOption } from "../tool/tool.ts";

/** Pings to send at most: no more than a peer answers. */
const MAX_COUNT = 8192;

/** The options of `dnc`; its letters are upstream's. */
export const DNC_OPTIONS = {
  listen: flag("l", "Wait for peers instead of connecting to one."),
  allow: list("", "HOST:PORT", parseTarget, "With -l: peers may reach this target; repeatable."),
  ip: single("i", "HOST", parseHost, "Target at the peer's side; 127.0.0.1 by default."),
  port: single("P", "PORT", port, "Port of the target at the peer's side."),
  ...NETWORK_OPTIONS,
  timeout: single("", "TIME", duration, "Give up connecting then: 500ms, 10s (20s), 2m."),
  netcheck: flag("", "Show what this network is, in 5 seconds."),
  ping: flag("", "Tell path and round trip to ID, 5 times."),
  count: single("", "N", integer(1, MAX_COUNT), "With --ping: pings to send."),
  "until-direct": flag("", "With --ping: end with the first direct reply."),
  json: flag("", "With --netcheck, --ping: one object a line."),
  id: flag("", "Show this device's id on standard output."),
  status: flag("", "Show path, round trip and amounts on stderr."),
  quiet: flag("q", "Show errors only."),
  verbose: count("v", "Show what is going on; repeat for more."),
  help: HELP,
  version: versionOption("V"),
};

/** The type of the table. */
export type DncOptions = typeof DNC_OPTIONS;
