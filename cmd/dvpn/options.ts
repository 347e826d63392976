import { CONFIGURATION_OPTIONS } from "../tool/configuration.ts";
import { choice, flag, integer, list, setting, single, text } from "../tool/option.ts";
import { peerId } from "../peer/peer_id.ts";
import { DIALLING_OPTIONS } from "../peer/dialling_table.ts";
import { NETWORK_OPTIONS, NETWORK_TOPIC } from "../peer/network_table.ts";
import { TRACE_OPTION } from "../peer/trace_option.ts";
import { TRUST_OPTIONS } from "../peer/trust_table.ts";
import { loggingOptions } from "../tool/logging_table.ts";
import { HELP, versionOption } from "../tool/tool.ts";
import { parseAddressRange } from "./address/address_range.ts";
import { MAX_MTU, MIN_MTU } from "./data/greeting.ts";
import { deviceName } from "./device_name.ts";
import { parseDomain, parseNameServer } from "./dns/offered_names.ts";
import { networkName } from "./mesh/network_name.ts";
import { parseRoute } from "./route/route.ts";

/** The options of `dvpn`; its letters are upstream's. */
export const DVPN_OPTIONS = {
  listen: flag("l", "Be the server: give addresses to peers."),
  mesh: flag("", "Be a member of a network without a server."),
  member: setting(
    list("", "ID", peerId, "With --mesh: another member, called at the start; repeatable."),
    { key: "members" },
  ),
  network: setting(
    single("", "NAME", networkName, "With --mesh: the network's name, dhtnet by default."),
  ),
  vpn_configuration: setting(
    single("C", "FILE", text, "Addresses and script as upstream has them, YAML."),
    { key: "configuration_file", file: true },
  ),
  range: setting(
    list("", "CIDR", parseAddressRange, "Addresses for peers; with -l one IPv4, one IPv6."),
  ),
  device: setting(single("", "NAME", deviceName, "Name of the interface; dvpn0, dvpn1, … .")),
  mtu: setting(single("", "BYTES", integer(MIN_MTU, MAX_MTU), "Largest packet, 1380 by default.")),
  carry: setting(
    single(
      "",
      "HOW",
      choice("auto", "session", "datagram"),
      "Packets by session, as datagrams, or auto (default).",
    ),
  ),
  script: setting(
    single("", "FILE", text, "Run this when a peer is connected, as upstream's."),
    { key: "script_path", file: true },
  ),
  "default-route": setting(flag("", "Send all traffic through the server.")),
  route: setting(
    list("", "CIDR", parseRoute, "Reach this network through the server; repeatable."),
    { key: "routes" },
  ),
  "kill-switch": setting(
    flag("", "With --default-route: nothing gets around it, server there or not."),
  ),
  "client-to-client": setting(flag("", "With -l: clients reach each other.")),
  nat: setting(flag("", "With -l: clients reach what is beyond the server, by its address.")),
  "lan-access": setting(flag("", "With --nat: private networks beyond the server, too.")),
  dns: setting(
    list("", "IP", parseNameServer, "Name server to use; with -l the clients'. Or: server."),
  ),
  search: setting(
    list("", "DOMAIN", parseDomain, "Look short names up there; with -l the clients do."),
  ),
  "dry-run": flag("", "Show the commands that would be run."),
  ...TRUST_OPTIONS,
  ...NETWORK_OPTIONS,
  trace: TRACE_OPTION,
  ...CONFIGURATION_OPTIONS,
  ...DIALLING_OPTIONS,
  address: single("", "ID", peerId, "Show the addresses of a member with that id."),
  cleanup: flag("", "Undo what a dvpn that was killed has left."),
  status: flag("", "Show peers, paths and amounts of the one that runs."),
  json: flag("", "With --status: as one line of JSON."),
  ...loggingOptions("v"),
  help: HELP,
  version: versionOption("V"),
};

/** What `--help` only names, and describes by topic. */
export const DVPN_TOPICS = {
  listen: ["range", "client-to-client", "nat", "lan-access", ...Object.keys(TRUST_OPTIONS)],
  mesh: ["member", "network", "address"],
  routes: ["route", "kill-switch", "dns", "search", "device", "mtu", "carry", "script"],
  network: NETWORK_TOPIC,
  diagnose: ["json", "trace", "print-config", "log-format"],
} satisfies Record<string, readonly string[]>;

/** The type of the table. */
export type DvpnOptions = typeof DVPN_OPTIONS;
