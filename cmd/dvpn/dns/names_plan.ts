import type { FileState } from "../plan/action.ts";
import type { NetworkPlan } from "../plan/network_plan.ts";
import { fileState } from "../plan/perform.ts";
import { type NameSettings, resolvConf } from "./resolv_conf.ts";

/** What programs read by way of the C library. */
export const RESOLV_CONF = "/etc/resolv.conf";
/** Where systemd-resolved takes questions about its state, as long as it runs. */
const RESOLVED_SOCKET = "/run/systemd/resolve/io.systemd.Resolve";
/** The link of resolv.conf leads below this directory where systemd-resolved answers programs. */
const RESOLVED_DIRECTORY = "systemd/resolve/";

/** Whether systemd-resolved runs and programs ask it, so that it is the one to be told. */
export async function asksResolved(
  state: FileState | undefined,
  socket: string = RESOLVED_SOCKET,
): Promise<boolean> {
  const linked = state !== undefined && "link" in state && state.link.includes(RESOLVED_DIRECTORY);
  const asksLocally = state !== undefined && "text" in state &&
    /^nameserver\s+127\.0\.0\.53\b/m.test(state.text);
  if (!linked && !asksLocally) return false;
  return await Deno.lstat(socket).then(() => true, () => false);
}

/**
 * Has systemd-resolved ask the servers by way of the interface: about all names when all traffic
 * goes there, else about those in the domains.
 */
export function resolvedPlan(
  { servers, search }: NameSettings,
  device: string,
  isDefault: boolean,
): NetworkPlan {
  const domains = [...search, ...isDefault && servers.length > 0 ? ["~."] : []];
  const revert = ["resolvectl", "revert", device];
  const steps: string[][] = [
    ...servers.length > 0 ? [["resolvectl", "dns", device, ...servers]] : [],
    ...domains.length > 0 ? [["resolvectl", "domain", device, ...domains]] : [],
    ["resolvectl", "default-route", device, isDefault ? "yes" : "no"],
  ];
  return steps.map((apply, index) => index === 0 ? { apply, undo: revert } : { apply });
}

/** Writes resolv.conf, and brings back what was there: a file, a link, or nothing. */
export async function resolvConfPlan(
  settings: NameSettings,
  device: string,
  file: string = RESOLV_CONF,
): Promise<NetworkPlan> {
  const former = await fileState(file);
  const current = await Deno.readTextFile(file).catch(() => "");
  const text = resolvConf(current, settings, device);
  return [{
    apply: { file, state: { text, mode: 0o644 } },
    undo: { file, state: former, insteadOf: text },
  }];
}

/** The plan that suits this host. */
export async function namesPlan(
  settings: NameSettings,
  device: string,
  isDefault: boolean,
): Promise<NetworkPlan> {
  if (settings.servers.length === 0 && settings.search.length === 0) return [];
  const state = await fileState(RESOLV_CONF).catch(() => undefined);
  return await asksResolved(state)
    ? resolvedPlan(settings, device, isDefault)
    : await resolvConfPlan(settings, device);
}
