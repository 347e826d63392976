import { choice, flag, list, setting, single, text } from "../tool/option.ts";
import { checkedAddress } from "./target.ts";
import { checkedTurnUri } from "./turn_server.ts";

/** How the network is to be used: the options that every tool with peers has. */
export const NETWORK_OPTIONS = {
  bootstrap: setting(
    list("b", "HOST[:PORT]", checkedAddress, "DHT node to start from; repeatable."),
  ),
  "no-discovery": setting(
    flag("", "Do not look for peers on the local network."),
    { key: "discovery", opposite: true },
  ),
  stun: setting(
    list("", "HOST[:PORT]", checkedAddress, "Server that tells our public address; repeatable."),
  ),
  turn_host: setting(
    list("t", "HOST[:PORT]", checkedTurnUri, "Relay, or its turn:/turns: URI; repeatable."),
  ),
  turn_user: setting(single("u", "NAME", text, "Account on the relays.")),
  turn_pass: setting(
    single("w", "PASS", text, "Its password; others see it in the process list."),
    { secret: true, instead: ["turn-pass-file"] },
  ),
  "turn-pass-file": setting(
    single("", "FILE", text, "Its password is this file's first line."),
    { file: true, instead: ["turn_pass"] },
  ),
  turn_realm: setting(
    single("r", "REALM", text, "Give the password to servers of this realm only."),
  ),
  "turn-ca": setting(
    single("", "FILE", text, "CA certificates (PEM) for turns:, besides the public ones."),
    { file: true },
  ),
  "relay-only": setting(flag("", "Connect over relays alone: peers see no address.")),
  "no-upnp": setting(
    flag("", "Do not ask routers to map ports."),
    { key: "enable_upnp", opposite: true },
  ),
  certificate: setting(
    single("c", "FILE", text, "Certificate chain of this device, PEM."),
    { file: true },
  ),
  privateKey: setting(
    single("p", "FILE", text, "Private key of this device, PEM."),
    { file: true },
  ),
  "key-pass-file": setting(
    single("", "FILE", text, "Its passphrase is this file's first line."),
    { file: true, variable: "DHTNET_KEY_PASS" },
  ),
  interface: setting(list("", "NAME", text, "Use this interface only, lo included; repeatable.")),
  transport: setting(
    single("", "KIND", choice("auto", "tcp", "quic"), "auto (default), tcp or quic."),
  ),
};

/** The type of the table. */
export type NetworkOptions = typeof NETWORK_OPTIONS;

/** Those that `--help network` describes; the others are needed more often. */
export const NETWORK_TOPIC: readonly string[] = Object.keys(NETWORK_OPTIONS).filter((name) =>
  !["bootstrap", "interface"].includes(name)
);
