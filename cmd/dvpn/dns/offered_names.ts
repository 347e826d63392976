import { canonicalIp, ipScope, isIp } from "../../../lib/ip/mod.ts";
import { UsageError } from "../../tool/exit_code.ts";
import { MAX_NAME_SERVERS, MAX_SEARCH_DOMAINS, type NameSettings } from "./resolv_conf.ts";

/** Stands for the name servers that the server tells of. */
export const OFFERED = "server";

const LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})*$`);

/** Reads an address of a name server, or `server`. @throws {UsageError} */
export function parseNameServer(text: string): string {
  if (text === OFFERED || isNameServer(text)) return text === OFFERED ? text : canonicalIp(text);
  throw new UsageError(
    `expects the IP address of a name server, or "${OFFERED}" for what the server offers, not ${
      JSON.stringify(text)
    }`,
  );
}

/** Reads a domain that short names are looked up in. @throws {UsageError} */
export function parseDomain(text: string): string {
  if (DOMAIN.test(text)) return text;
  throw new UsageError(`expects a domain such as lan.example.org, not ${JSON.stringify(text)}`);
}

/**
 * What a server offers, as far as it makes sense; the rest is left out. It ends up in a file that
 * every program reads, so it is what it claims to be.
 *
 * @param dns from the network
 * @param search from the network
 */
export function offeredNames(dns: unknown, search: unknown): NameSettings {
  const texts = (value: unknown) =>
    Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
  return {
    servers: texts(dns).filter(isNameServer).map(canonicalIp).slice(0, MAX_NAME_SERVERS),
    search: texts(search).filter((one) => DOMAIN.test(one)).slice(0, MAX_SEARCH_DOMAINS),
  };
}

function isNameServer(text: string): boolean {
  return isIp(text) && ["global", "private"].includes(ipScope(text));
}
