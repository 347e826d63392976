import {
  choice,
  count,
  duration,
  flag,
  integer,
  list,
  port,
  single,
  text,
} from "../tool/option.ts";
import { HELP, versionOption } from "../tool/tool.ts";
import { checkedAddress, parseHost, parseTarget } from "./target.ts";
import { checkedTurnUri } from "./turn_server.ts";

/** Pings to send at most: no more than a peer answers. */
const MAX_COUNT = 8192;

/** The options of `dnc`; its letters are upstream's. */
export const DNC_OPTIONS = {
  listen: flag("l", "Wait for peers instead of connecting to one."),
  allow: list("", "HOST:PORT", parseTarget, "With -l: peers may reach this target; repeatable."),
  ip: single("i", "HOST", parseHost, "Target at the peer's side; 127.0.0.1 by default."),
  port: single("P", "PORT", port, "Port of the target at the peer's side."),
  bootstrap: list("b", "HOST[:PORT]", checkedAddress, "DHT node to start from; repeatable."),
  "no-discovery": flag("", "Do not look for peers on the local network."),
  stun: list(
    "",
    "HOST[:PORT]",
    checkedAddress,
    "Server that tells our public address; repeatable.",
  ),
  turn_host: list(
    "t",
    "HOST[:PORT]",
    checkedTurnUri,
    "Relay, or its turn:/turns: URI; repeatable.",
  ),
  turn_user: single("u", "NAME", text, "Account on the relays."),
  turn_pass: single("w", "PASS", text, "Its password; others see it in the process list."),
  "turn-pass-file": single("", "FILE", text, "Its password is this file's first line."),
  turn_realm: single("r", "REALM", text, "Give the password to servers of this realm only."),
  "relay-only": flag("", "Connect over relays alone: peers see no address."),
  "no-upnp": flag("", "Do not ask routers to map ports."),
  certificate: single("c", "FILE", text, "Certificate chain of this device, PEM."),
  privateKey: single("p", "FILE", text, "Private key of this device, PEM."),
  interface: list("", "NAME", text, "Use this interface only, lo included; repeatable."),
  transport: single("", "KIND", choice("auto", "tcp", "quic"), "auto (default), tcp or quic."),
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
