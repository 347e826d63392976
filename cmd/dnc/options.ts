import { CONFIGURATION_OPTIONS } from "../tool/configuration.ts";
import { duration, flag, integer, list, setting, single } from "../tool/option.ts";
import { DIALLING_OPTIONS } from "../peer/dialling_table.ts";
import { NETWORK_OPTIONS, NETWORK_TOPIC } from "../peer/network_table.ts";
import { TRACE_OPTION } from "../peer/trace_option.ts";
import { parseHost } from "../peer/target.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { parseControl } from "./control/control_path.ts";
import {
  parseDynamicForward,
  parseListenTarget,
  parseLocalForward,
  parseRemoteForward,
} from "./forward/forward_spec.ts";
import { parseMetricsAddress } from "./metrics/metrics_address.ts";
import { parseService, portOrSocket } from "./service/service.ts";
import { loggingOptions } from "../tool/logging_table.ts";
import { HELP, versionOption } from "../tool/tool.ts";

/** Pings to send at most: no more than a peer answers. */
const MAX_COUNT = 8192;

/** The options of `dnc`; its letters are upstream's. */
export const DNC_OPTIONS = {
  listen: flag("l", "Wait for peers instead of connecting to one."),
  allow: list(
    "",
    "TARGET",
    parseService,
    "With -l: peers may reach this HOST:PORT, udp:HOST:PORT or unix:/PATH.",
  ),
  "allow-remote": setting(
    list(
      "",
      "[HOST:]PORT",
      parseListenTarget,
      "With -l: peers may have this port lead to them, by -R.",
    ),
  ),
  ...TRUST_OPTIONS,
  "drain-timeout": setting(
    single("", "TIME", duration, "With -l: at SIGTERM, time for what is connected (10s)."),
  ),
  metrics: setting(
    single(
      "",
      "[HOST:]PORT|unix:/PATH",
      parseMetricsAddress,
      "With -l: OpenMetrics for this machine, at /metrics.",
    ),
  ),
  ip: setting(single("i", "HOST", parseHost, "Target at the peer's side; 127.0.0.1 by default.")),
  port: setting(single("P", "PORT", portOrSocket, "Its port, or the path of its unix socket.")),
  "local-forward": list(
    "L",
    "[BIND:]PORT:HOST:PORT",
    parseLocalForward,
    "A port here leads to a target there.",
  ),
  "remote-forward": list(
    "R",
    "[BIND:]PORT:HOST:PORT",
    parseRemoteForward,
    "A port there leads to a target here, if --allow-remote there has it.",
  ),
  "dynamic-forward": list(
    "D",
    "[BIND:]PORT",
    parseDynamicForward,
    "A SOCKS5 proxy here to targets there.",
  ),
  udp: flag(
    "",
    "With -P, -L: datagrams, not connections. With -P, it ends 2 s after the end of input and the last answer.",
  ),
  control: setting(
    single(
      "",
      "auto|PATH",
      parseControl,
      "Further dncs to ID with this option share the session, and are there at once: like ssh's ControlMaster. Default: none.",
    ),
  ),
  "control-persist": setting(
    single("", "TIME", duration, "Keep a shared session so long after its last use (60s)."),
  ),
  "control-master": flag("", "Hold a session for others; --control starts this itself."),
  ...NETWORK_OPTIONS,
  trace: TRACE_OPTION,
  ...CONFIGURATION_OPTIONS,
  ...DIALLING_OPTIONS,
  netcheck: flag("", "Show what this network is, in 5 seconds."),
  ping: flag("", "Tell path and round trip to ID, 5 times."),
  count: single("", "N", integer(1, MAX_COUNT), "With --ping: pings to send."),
  "until-direct": flag("", "With --ping: end with the first direct reply."),
  json: flag("", "With --netcheck, --ping, --status: one object a line."),
  qr: flag("", "Show it as a QR code."),
  status: flag("", "Show path, amounts; without ID: what dnc -l does."),
  ...loggingOptions("v"),
  help: HELP,
  version: versionOption("V"),
};

/** What `dnc --help TOPIC` is about. */
export const DNC_TOPICS = {
  listen: ["allow-remote", ...Object.keys(TRUST_OPTIONS), "drain-timeout", "metrics"],
  forward: [
    ...["local-forward", "remote-forward", "dynamic-forward", "udp"],
    ...["control", "control-persist", "control-master"],
  ],
  network: NETWORK_TOPIC,
  diagnose: ["count", "until-direct", "json", "trace", "print-config", "log-format"],
} satisfies Record<string, readonly string[]>;

/** The type of the table. */
export type DncOptions = typeof DNC_OPTIONS;
