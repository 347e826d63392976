import { choice, flag, list, single, text } from "../tool/option.ts";
import { checkedAddress } from "./target.ts";
import { checkedTurnUri } from "./turn_server.ts";

/** How the network is to be used: the options that every tool with peers has. */
export const NETWORK_OPTIONS = {
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
};

/** The type of the table. */
export type NetworkOptions = typeof NETWORK_OPTIONS;
