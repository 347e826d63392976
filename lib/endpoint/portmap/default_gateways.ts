import { canonicalIp, formatIp, isIp } from "../../ip/mod.ts";

/** A router that an interface sends to by default. */
export interface DefaultGateway {
  /** The interface's name. */
  readonly interface: string;
  /** The router's address on that link, canonical, without zone. */
  readonly ip: string;
}

/** The most gateways that are asked for mappings. */
export const MAX_GATEWAYS = 8;

/**
 * The routers of the default routes, in the kernel's order of preference, one for each interface and
 * family; empty where the system cannot be asked. Linux is asked by `/proc`, for which Deno wants
 * `--allow-all`, or `--allow-run` for the program `cat`; macOS by `route -n get
 * default` (untested), others not yet.
 */
export async function defaultGateways(): Promise<DefaultGateway[]> {
  if (Deno.build.os === "darwin") return parseRouteGet(await routeGetDefault());
  const [ipv4, ipv6] = await Promise.all([
    readOrEmpty("/proc/net/route"),
    readOrEmpty("/proc/net/ipv6_route"),
  ]);
  return [...parseProcRoute(ipv4), ...parseProcIpv6Route(ipv6)].slice(0, MAX_GATEWAYS);
}

/** Route flags: usable, and through a router (Linux, include/uapi/linux/route.h). */
const RTF_UP = 1, RTF_GATEWAY = 2, RTF_REJECT = 0x200;

/**
 * Reads `/proc/net/route`: one route a line, addresses as host-order hexadecimal numbers (Linux hosts
 * are little-endian here).
 *
 * @param text the file's content
 */
export function parseProcRoute(text: string): DefaultGateway[] {
  return preferred(
    text.split("\n").slice(1).flatMap((line) => {
      const [name, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
      if (mask === undefined || !usable(flags!) || !/^[\dA-F]{8}$/i.test(gateway!)) return [];
      if (!/^0+$/.test(destination!) || !/^0+$/.test(mask)) return [];
      const ip = formatIp(hexBytes(gateway!).reverse());
      return [{ gateway: { interface: name!, ip }, metric: Number(metric) }];
    }),
  );
}

/**
 * Reads `/proc/net/ipv6_route`: one route a line, all numbers hexadecimal.
 *
 * @param text the file's content
 */
export function parseProcIpv6Route(text: string): DefaultGateway[] {
  return preferred(
    text.split("\n").flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [destination, length, , , gateway, metric, , , flags, name] = fields;
      if (name === undefined || !usable(flags!) || !/^[\da-f]{32}$/i.test(gateway!)) return [];
      if (!/^0+$/.test(destination!) || length !== "00") return [];
      const ip = formatIp(hexBytes(gateway!));
      return [{ gateway: { interface: name, ip }, metric: parseInt(metric!, 16) }];
    }),
  );
}

/**
 * Reads what macOS prints for `route -n get default`.
 *
 * @param text its standard output
 */
export function parseRouteGet(text: string): DefaultGateway[] {
  const field = (name: string) => new RegExp(`^\\s*${name}:\\s*(\\S+)`, "m").exec(text)?.[1];
  const ip = field("gateway")?.replace(/%.*$/, ""), name = field("interface");
  return ip === undefined || name === undefined || !isIp(ip)
    ? []
    : [{ interface: name, ip: canonicalIp(ip) }];
}

/** The best of each interface, the best first. */
function preferred(routes: { gateway: DefaultGateway; metric: number }[]): DefaultGateway[] {
  const best = new Map<string, DefaultGateway>();
  for (const { gateway } of routes.sort((a, b) => a.metric - b.metric)) {
    if (!best.has(gateway.interface)) best.set(gateway.interface, gateway);
  }
  return [...best.values()];
}

function usable(flags: string): boolean {
  const bits = parseInt(flags, 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_GATEWAY) !== 0 && (bits & RTF_REJECT) === 0;
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(
    { length: text.length / 2 },
    (_, i) => parseInt(text.slice(i * 2, i * 2 + 2), 16),
  );
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    // Deno shows /proc to --allow-all alone; to other programs the kernel shows it as it is.
    return error instanceof Deno.errors.NotCapable ? await outputOrEmpty("cat", path) : "";
  }
}

async function routeGetDefault(): Promise<string> {
  return await outputOrEmpty("/sbin/route", "-n", "get", "default");
}

/** What a program writes; nothing where it may not be run, or is not there. */
async function outputOrEmpty(program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}
