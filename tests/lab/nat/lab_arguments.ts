import { parseArgs } from "node:util";
import type { LabPlan } from "./lab.ts";
import { NAT_KINDS, type NatKind, type Outbound, OUTBOUNDS } from "./router_rules.ts";
import type { SitePlan } from "./site.ts";

export const LAB_USAGE = `Usage: deno run -A tests/lab/nat_lab.ts NAT... [options]        (as root)

One site for each NAT, called a, b, c...: ${NAT_KINDS.join(", ")},
or the name of an earlier site, whose LAN it shares: "moderate a strict".

  --delay MS            one-way delay between sites and servers
  --loss PERCENT        share of packets that are lost on that way
  --carrier SITE=NAT    another NAT in front of a site's router (CGNAT)
  --upnp SITE           the site's router speaks UPnP, NAT-PMP and PCP
  --outbound SITE=WHAT  what a site's firewall lets out: ${OUTBOUNDS.join(", ")}
  --ip SITE=4|6|46      IP versions of a site; 4 unless said otherwise
  --dhtnodes COUNT      DHT nodes in the public network; 1 unless said otherwise
  --no-turn             no STUN and TURN server
  -h, --help            show this

The lab stays until Ctrl-C. Nothing can leave it.`;

const OPTIONS = {
  delay: { type: "string" },
  loss: { type: "string" },
  carrier: { type: "string", multiple: true },
  upnp: { type: "string", multiple: true },
  outbound: { type: "string", multiple: true },
  ip: { type: "string", multiple: true },
  dhtnodes: { type: "string" },
  "no-turn": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * The lab that a command line asks for; undefined when it asks for help.
 *
 * @throws {TypeError} when it is wrong, saying how
 */
export function parseLabArguments(args: readonly string[]): LabPlan | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  if (values.help) return undefined;
  if (positionals.length === 0) throw new TypeError("no site is named");
  const names = positionals.map((_, index) => String.fromCharCode(97 + index));
  const carrier = bySite("--carrier", values.carrier, names, NAT_KINDS.slice(1));
  const outbound = bySite("--outbound", values.outbound, names, OUTBOUNDS);
  const ip = bySite("--ip", values.ip, names, ["4", "6", "46"]);
  const mapping = values.upnp?.map((name) => oneOf("--upnp", name, names)) ?? [];
  const sites = names.map((name, index): SitePlan => {
    const what = positionals[index]!;
    if (names.slice(0, index).includes(what)) return { name, sameLanAs: what };
    return {
      name,
      nat: oneOf(`site ${name}`, what, NAT_KINDS),
      ...(carrier.has(name) && { carrier: carrier.get(name) as Exclude<NatKind, "none"> }),
      ...(mapping.includes(name) && { mapping: {} }),
      ...(outbound.has(name) && { outbound: outbound.get(name) as Outbound }),
      families: [...ip.get(name) ?? "4"].map((version) => version === "4" ? 4 : 6),
    };
  });
  return {
    sites,
    wan: {
      delayMs: positive("--delay", values.delay, 0),
      lossPercent: positive("--loss", values.loss, 0),
      dhtnodes: positive("--dhtnodes", values.dhtnodes, 1),
      turn: values["no-turn"] !== true,
    },
  };
}

function positive(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value >= 0 && value < 1e6)) throw new TypeError(`${option} ${text}: not such a number`);
  return value;
}

function oneOf<T extends string>(where: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) {
    throw new TypeError(`${where}: "${text}" is none of ${allowed.join(", ")}`);
  }
  return found;
}

function bySite<T extends string>(
  option: string,
  settings: readonly string[] | undefined,
  names: readonly string[],
  allowed: readonly T[],
): Map<string, T> {
  return new Map(
    settings?.map((setting) => {
      const [name = "", value = ""] = setting.split("=");
      return [oneOf(option, name, names), oneOf(`${option} ${name}`, value, allowed)];
    }),
  );
}
