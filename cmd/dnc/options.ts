import { choice, count, duration, flag, list, port, single, text } from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";
import { checkedAddress, parseHost, parseTarget } from "./target.ts";

/** The options of `dnc`; its letters are upstream's. */
export const DNC_OPTIONS = {
  listen: flag("l", "Wait for peers instead of connecting to one."),
  allow: list(
    "",
    "HOST:PORT",
    parseTarget,
    "With -l: let peers reach this target, and no other; repeatable.",
  ),
  ip: single("i", "HOST", parseHost, "Target at the peer's side; 127.0.0.1 when only -P is given."),
  port: single("P", "PORT", port, "Port of the target at the peer's side."),
  bootstrap: list("b", "HOST[:PORT]", checkedAddress, "DHT node to start from; repeatable."),
  certificate: single("c", "FILE", text, "Certificate chain of this device, PEM."),
  privateKey: single("p", "FILE", text, "Private key of this device, PEM."),
  interface: list(
    "",
    "NAME",
    text,
    "Use this network interface only, lo included; repeatable.",
  ),
  transport: single("", "KIND", choice("auto", "tcp", "quic"), "auto (default), tcp or quic."),
  "no-discovery": flag("", "Do not look for peers on the local network."),
  timeout: single(
    "",
    "TIME",
    duration,
    "Give up connecting after this time: 500ms, 10s, 2m; by default after 20s, or 8s when there is no network.",
  ),
  id: flag("", "Show this device's id, alone on standard output, and exit."),
  status: flag("", "Show the path, its round trip and the bytes carried on standard error."),
  quiet: flag("q", "Show errors only."),
  verbose: count("v", "Show what is going on; repeat for more."),
  help: HELP,
  version: versionOption("V"),
};

/** The type of the table. */
export type DncOptions = typeof DNC_OPTIONS;
