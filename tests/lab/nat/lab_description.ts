import { fileURLToPath } from "node:url";
import type { NatLab } from "./lab.ts";
import type { Site } from "./site.ts";

const DNC = fileURLToPath(new URL("../../../cmd/dnc.ts", import.meta.url));

/** What a person needs to know to work in a lab. */
export function describeLab(lab: NatLab): string {
  const { host, host6, port, tlsPort, user, password } = lab.hasTurn
    ? lab.turn
    : {} as Partial<NatLab["turn"]>;
  const servers = [
    `dht     ${lab.bootstrap} or ${lab.bootstrap6}`,
    ...(host === undefined ? [] : [
      `turn    ${host}:${port} or [${host6}]:${port}, TLS on ${tlsPort} and 443`,
      `        user ${user}, password "${password}"`,
    ]),
  ];
  const first = lab.sites[0]!;
  return [
    ...lab.sites.flatMap(describeSite),
    ...servers,
    "",
    "A device of its own in each shell:",
    "  export DHTNET_CONFIG_DIR=$(mktemp -d)",
    `  deno run -A --unstable-net ${DNC} -l --no-discovery -b ${
      first.addresses.ipv4 === undefined ? lab.bootstrap6 : lab.bootstrap
    }`,
  ].join("\n");
}

function describeSite(site: Site): string[] {
  const { nat, carrier, mapping, outbound = "all" } = site.router.plan;
  const inside = [site.addresses.ipv4, site.addresses.ipv6].filter((ip) => ip !== undefined);
  const traits = [
    `NAT ${nat}`,
    ...(carrier === undefined ? [] : [`behind a carrier's NAT ${carrier}`]),
    ...(mapping === undefined ? [] : ["with port mapping"]),
    ...(outbound === "all" ? [] : [`lets out ${outbound}`]),
    ...(site.addresses.ipv4 === undefined ? [] : [`seen as ${site.publicIpv4}`]),
  ];
  return [
    `site ${site.name}  ${inside.join(", ")}: ${traits.join(", ")}`,
    `        ${site.inside("bash").join(" ")}`,
    `router  ${site.router.namespace.inside("bash").join(" ")}`,
    "",
  ];
}
