import { UsageError } from "../../tool/exit_code.ts";
import type { OptionValues } from "../../tool/option.ts";
import { OFFERED } from "../dns/offered_names.ts";
import type { NameSettings } from "../dns/resolv_conf.ts";
import type { DvpnOptions } from "../options.ts";
import { DEFAULT_ROUTES, type Route } from "./route.ts";

/** What a client sends through the tunnel, besides what goes to the VPN itself. */
export interface ClientRoutes {
  /** All traffic. */
  readonly isDefault: boolean;
  /** What is reached through the tunnel. */
  readonly routes: readonly Route[];
  /** Nothing leaves this host in another way. */
  readonly killSwitch: boolean;
  /** The user's name servers and domains. */
  readonly names: NameSettings;
  /** Take what the server offers, where the user names none. */
  readonly takesNames: boolean;
}

/** Options that are for one side only. */
const CLIENT_ONLY = ["default-route", "route", "kill-switch"] as const;
const SERVER_ONLY = ["nat", "lan-access"] as const;

/**
 * The routes that a client's options ask for.
 *
 * @throws {UsageError} when they contradict one another
 */
export function clientRoutes(values: OptionValues<DvpnOptions>): ClientRoutes {
  refuse(values, SERVER_ONLY, "is for a server: give it with -l");
  const isDefault = values["default-route"];
  if (values["kill-switch"] && !isDefault) {
    throw new UsageError("--kill-switch needs --default-route: other traffic is not the tunnel's");
  }
  const servers = values.dns.filter((one) => one !== OFFERED);
  return {
    isDefault,
    routes: isDefault ? DEFAULT_ROUTES : values.route,
    killSwitch: values["kill-switch"],
    names: { servers, search: values.search },
    takesNames: values.dns.includes(OFFERED) || isDefault && servers.length === 0,
  };
}

/**
 * The names that a server offers to its clients.
 *
 * @throws {UsageError} when an option is for clients
 */
export function serverNames(values: OptionValues<DvpnOptions>): NameSettings {
  refuse(values, CLIENT_ONLY, "is for a client");
  if (values["lan-access"] && !values.nat) throw new UsageError("--lan-access needs --nat");
  if (values.dns.includes(OFFERED)) {
    throw new UsageError(`--dns ${OFFERED} is for a client: a server names addresses`);
  }
  return { servers: values.dns, search: values.search };
}

/**
 * Looks for contradictions before anything is begun. A mesh has no server that packets could go
 * through.
 *
 * @throws {UsageError}
 */
export function checkRoutes(
  side: "connect" | "serve" | "mesh",
  values: OptionValues<DvpnOptions>,
): void {
  if (side === "connect") clientRoutes(values);
  else if (side === "serve") serverNames(values);
  else refuse(values, [...CLIENT_ONLY, ...SERVER_ONLY, "dns", "search"], "does not go with --mesh");
}

function refuse(
  values: OptionValues<DvpnOptions>,
  options: readonly (typeof CLIENT_ONLY[number] | typeof SERVER_ONLY[number] | "dns" | "search")[],
  why: string,
): void {
  for (const option of options) {
    const value = values[option];
    if (typeof value === "boolean" ? value : value.length > 0) {
      throw new UsageError(`--${option} ${why}`);
    }
  }
}
