import type {
  GatewayReport,
  NatKind,
  NatReport,
  NetcheckOptions,
  NetcheckReport,
  TurnReport,
} from "../../lib/endpoint/netcheck/mod.ts";
import { ipFamily, ipScope } from "../../lib/ip/mod.ts";
import { printableLine } from "../tool/log_line.ts";

/** Width of the left column. */
const LABEL_WIDTH = 12;

/** What a kind of NAT means to the user. */
const MEANING: Record<NatKind, string> = {
  none: "no NAT: direct with every peer",
  firewalled: "no NAT but a firewall: direct with peers behind all but strict NATs",
  open: "open NAT: direct with every peer",
  moderate: "moderate NAT: direct with peers behind all but strict NATs",
  strict: "strict NAT: direct with peers behind no or an open NAT; others begin relayed",
  unknown: "a NAT of unknown kind",
};

const PROTOCOL_NAMES = { "pcp": "PCP", "nat-pmp": "NAT-PMP", "upnp": "UPnP" } as const;

/** A report as text, some lines with a label on the left of each group. */
export function describeNetwork(report: NetcheckReport, options: NetcheckOptions): string {
  const { interfaces, publicIps, nat, unresolved, gateways, turn } = report;
  return [
    group("interfaces", interfaces.map(({ name, addresses }) => `${name} ${addresses.join(", ")}`)),
    group("seen as", [publicIps.join(", ") || "unknown: no server has told"]),
    group("NAT", [
      ...nat.flatMap(describeNat),
      ...unresolved,
      ...(nat.length > 0 ? [] : [whyNoNat(report, options)]),
    ]),
    group(
      "router",
      gateways.length > 0
        ? gateways.map((gateway) => describeGateway(gateway, publicIps))
        : [options.portMapping === false ? "not asked" : "none that could map ports"],
    ),
    group("TURN", turn.length > 0 ? turn.map(describeTurn) : ["none named: -t HOST"]),
    group("DHT", [describeDht(report, options)]),
  ].join("");
}

function group(label: string, lines: readonly string[]): string {
  return (lines.length > 0 ? lines : ["none"])
    // Servers say some of it.
    .map(printableLine)
    .map((line, index) => `${(index === 0 ? label : "").padEnd(LABEL_WIDTH)}${line}\n`)
    .join("");
}

function whyNoNat(
  { interfaces, publicIps }: NetcheckReport,
  { stun = [], turn = [] }: NetcheckOptions,
): string {
  if (stun.length + turn.length > 0) {
    return "unknown: no server that an address of ours could reach";
  }
  const own = interfaces.flatMap(({ addresses }) => addresses);
  const translated = publicIps.filter((ip) => ipFamily(ip) === 4 && !own.includes(ip));
  return translated.length > 0
    ? "a NAT, since the DHT sees another address; to tell its kind, name servers, --stun HOST"
    : "unknown: name a server that tells, --stun HOST";
}

function describeNat(report: NatReport): string[] {
  const { interface: name, local, kind, mapping, filtering, servers } = report;
  const answered = servers.some(({ mapped }) => mapped !== undefined);
  const unknown = answered ? whatServersCannotTell(report) : undefined;
  return [
    `${name} ${local}: ${answered ? MEANING[kind] : "no STUN server answers"}`,
    ...(answered ? [`  mapping ${mapping}, filtering ${filtering}`] : []),
    ...(unknown === undefined ? [] : [`  ${unknown}`]),
    ...servers.map(({ server, mapped, roundTripMs, failure }) =>
      mapped === undefined
        ? `  ${server}: ${failure}`
        : `  ${server} sees ${mapped}, round trip ${milliseconds(roundTripMs!)}`
    ),
  ];
}

/** What is only assumed, and which servers would know. */
function whatServersCannotTell(
  { mapping, filtering, servers }: NatReport,
): string | undefined {
  if (mapping === "unknown") {
    const count = servers.filter(({ mapped }) => mapped !== undefined).length;
    return `cannot tell the kind: ${count === 1 ? "one server" : "servers at one IP"} saw us, ` +
      "and two at different IPs are needed, or one with RFC 5780: --stun HOST";
  }
  if (filtering !== "unknown") return undefined;
  const hidden = mapping === "none"
    ? "whether a firewall keeps strangers out"
    : mapping === "endpoint-independent"
    ? "whether strangers get in, which would make it an open one"
    : undefined;
  return hidden && `cannot tell ${hidden}: that takes a server with RFC 5780 and two IPs`;
}

function describeGateway(
  { interface: name, gateway, externalIp, protocols }: GatewayReport,
  publicIps: readonly string[],
): string {
  const spoken = protocols.filter(({ available }) => available)
    .map(({ protocol }) => PROTOCOL_NAMES[protocol]);
  const refused = protocols.filter(({ available }) => !available)
    .map(({ protocol, reason }) => `${PROTOCOL_NAMES[protocol]}: ${reason}`);
  const maps = spoken.length === 0 ? "maps no ports" : `maps ports by ${spoken.join(", ")}`;
  return [`${name} ${gateway} ${maps}`, ...outside(externalIp, publicIps), ...refused].join("; ");
}

/** A router that is itself behind a NAT cannot open a way in. */
function outside(externalIp: string | undefined, publicIps: readonly string[]): string[] {
  if (externalIp === undefined) return [];
  const seen = publicIps.filter((ip) => ipFamily(ip) === ipFamily(externalIp));
  const isBehind = ipScope(externalIp) !== "global" ||
    (seen.length > 0 && !seen.includes(externalIp));
  return [`outside ${externalIp}${isBehind ? " (behind another NAT)" : ""}`];
}

function describeTurn(
  { host, transport, relayed, roundTripMs, failure }: TurnReport,
): string {
  if (relayed === undefined) return `${host} by ${transport}: ${failure}`;
  const roundTrip = roundTripMs === undefined ? "" : `, round trip ${milliseconds(roundTripMs)}`;
  return `${host} by ${transport} relays at ${relayed}${roundTrip}`;
}

function describeDht({ dht }: NetcheckReport, { bootstrap = [] }: NetcheckOptions): string {
  const { status, nodes, connectedAfterMs } = dht;
  if (connectedAfterMs === undefined) {
    return `${status}: no node answered${
      bootstrap.length > 0 ? `, asked ${bootstrap.join(", ")}` : ""
    }`;
  }
  const count = nodes === 1 ? "1 node" : `${nodes} nodes`;
  return `connected, ${count}, the first after ${milliseconds(connectedAfterMs)}`;
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
