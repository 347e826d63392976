import { canonicalIp, type IpFamily, ipFamily, isIp } from "../ip/mod.ts";
import { deadline } from "./deadline.ts";
import { NetError, reasonOf } from "./net_error.ts";

/** How {@linkcode resolveHost} resolves. */
export interface ResolveOptions {
  /** Families wanted; both when absent. */
  readonly families?: readonly IpFamily[];
  /** Give up after this many milliseconds; default {@linkcode RESOLVE_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Give up when it fires. */
  readonly signal?: AbortSignal;
}

/** Default time-out of a name look-up in milliseconds. */
export const RESOLVE_TIMEOUT_MS = 10_000;
/** The most addresses taken for one name. */
export const MAX_RESOLVED_ADDRESSES = 16;

/**
 * The addresses of a host, as the system's resolver knows them (`/etc/hosts`, DNS). An IP address
 * is its own answer, without a query.
 *
 * @returns canonical texts, at least one, at most {@linkcode MAX_RESOLVED_ADDRESSES}
 * @throws {NetError} `resolve` when there is none in these families, `timeout`, `aborted`
 *
 * @example
 * ```ts
 * import { resolveHost } from "@dhtnet/dhtnet/net";
 * import assert from "node:assert/strict";
 * assert.deepEqual(await resolveHost("::1"), ["::1"]);
 * assert.ok((await resolveHost("localhost", { families: [4] })).includes("127.0.0.1"));
 * ```
 */
export async function resolveHost(name: string, options: ResolveOptions = {}): Promise<string[]> {
  const { families = [4, 6], timeoutMs = RESOLVE_TIMEOUT_MS, signal } = options;
  const limit = deadline(timeoutMs, signal);
  try {
    const found = isIp(name) ? [name] : await limit.limit(ask(name, families), `resolving ${name}`);
    const wanted = found.map(canonicalIp).filter((ip) => families.includes(ipFamily(ip)));
    if (wanted.length === 0) {
      throw new NetError("resolve", `${name} has no IPv${families.join(" or IPv")} address`);
    }
    return [...new Set(wanted)].slice(0, MAX_RESOLVED_ADDRESSES);
  } finally {
    limit.clear();
  }
}

async function ask(name: string, families: readonly IpFamily[]): Promise<string[]> {
  const family = families.length === 1 ? families[0]! : 0;
  const { lookup } = await import("node:dns");
  return await new Promise((resolve, reject) => {
    lookup(name, { all: true, family }, (error, addresses) => {
      if (error === null) return resolve(addresses.map(({ address }) => address));
      const text = `cannot resolve ${name}: ${reasonOf(error)}`;
      reject(new NetError("resolve", text, { cause: error }));
    });
  });
}
