import { formatInterfaceAddress, type InterfaceAddress } from "../address/address_range.ts";
import type { NetworkPlan, PlanStep } from "../plan/network_plan.ts";
import { nftName } from "./kill_switch.ts";

const FORWARD4 = "net/ipv4/ip_forward";
const FORWARD6 = "net/ipv6/conf/all/forwarding";
/** The kernel changes this together with {@linkcode FORWARD4}, and not back to what it was. */
const REDIRECTS4 = "net/ipv4/conf/all/accept_redirects";
/** Networks that are somebody's own: RFC 1918, 6598, 3927, 4193, 4291. */
const PRIVATE = {
  ip: "{ 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 }",
  ip6: "{ fc00::/7, fe80::/10 }",
};

/** What clients may reach beyond the server. */
export interface GatewayWish {
  readonly device: string;
  /** The networks that the clients' addresses are from. */
  readonly networks: readonly InterfaceAddress[];
  /** Private networks, too. */
  readonly lanAccess: boolean;
  /** The name servers that clients are told to use: they are reached in any case. */
  readonly dns: readonly string[];
}

/** The value that a setting of the kernel is to have again, see `ThisHost.sysctlBefore`. */
export type SysctlBefore = (sysctl: string) => Promise<string | undefined>;

/** Makes a server the gateway of its clients, which reach what is beyond by its address. */
export async function gatewayPlan(wish: GatewayWish, before: SysctlBefore): Promise<NetworkPlan> {
  const families = new Set(wish.networks.map(({ family }) => family));
  return [
    filter(wish),
    ...families.has(4) ? await forwarding4(before) : [],
    ...families.has(6) ? await forwarding6(before) : [],
  ];
}

function filter({ device, networks, lanAccess, dns }: GatewayWish): PlanStep {
  const name = `dhtnet_${nftName(device)}`;
  const table = `inet ${name}`;
  const own = (ip: string) => ip.includes(":") ? "ip6" : "ip";
  const beyond = lanAccess ? [] : [
    ...dns.flatMap((ip) =>
      ["udp", "tcp"].map((protocol) => `${own(ip)} daddr ${ip} ${protocol} dport 53 accept`)
    ),
    ...(["ip", "ip6"] as const).map((family) =>
      `${family} daddr ${PRIVATE[family]} reject with icmpx admin-prohibited`
    ),
  ];
  const forward = [
    `iifname != "${device}" oifname != "${device}" accept`,
    `iifname "${device}" oifname "${device}" accept`,
    "ct state established,related accept",
    `iifname != "${device}" drop`,
    ...beyond,
  ];
  const masquerade = networks.map((network) =>
    `${network.family === 4 ? "ip" : "ip6"} saddr ${formatInterfaceAddress(network)} ` +
    `oifname != "${device}" masquerade`
  );
  const chains = [
    chain("forward", "type filter hook forward priority filter", forward),
    chain("postrouting", "type nat hook postrouting priority srcnat", masquerade),
  ];
  // Whatever a killed process has left is replaced.
  const script = `add table ${table}; delete table ${table}; table ${table} {\n${chains.join("")}}`;
  return { apply: ["nft", script], undo: ["nft", "delete", "table", "inet", name] };
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  return `  chain ${name} {\n    ${hook};\n${rules.map((rule) => `    ${rule}\n`).join("")}  }\n`;
}

async function forwarding4(before: SysctlBefore): Promise<PlanStep[]> {
  if (await before(FORWARD4) !== "0") return [];
  return [await sysctlStep(REDIRECTS4, "0", before), await sysctlStep(FORWARD4, "1", before)];
}

/** A host that forwards ignores router advertisements, unless told otherwise (accept_ra is 2). */
async function forwarding6(before: SysctlBefore): Promise<PlanStep[]> {
  if (await before(FORWARD6) !== "0") return [];
  const steps: PlanStep[] = [];
  for (const { name } of Deno.readDirSync("/proc/sys/net/ipv6/conf")) {
    const setting = `net/ipv6/conf/${name}/accept_ra`;
    if (["all", "default", "lo"].includes(name) || await before(setting) !== "1") continue;
    steps.push(await sysctlStep(setting, "2", before));
  }
  return [...steps, await sysctlStep(FORWARD6, "1", before)];
}

async function sysctlStep(sysctl: string, value: string, before: SysctlBefore): Promise<PlanStep> {
  const former = await before(sysctl);
  const apply = { sysctl, value };
  return former === undefined ? { apply } : { apply, undo: { sysctl, value: former } };
}
