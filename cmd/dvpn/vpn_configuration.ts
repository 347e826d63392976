import {
  ConfigError,
  mapped,
  parseYaml,
  path,
  readConfigFile,
  readFields,
  scalar,
  type Schema,
  SchemaContext,
  SettingError,
} from "../../lib/config/mod.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import { type AddressRange, parseAddressRange } from "./address/address_range.ts";

/** What the file of `-C` says: upstream's keys, of which each may be missing. */
export interface VpnConfiguration {
  /** Program to run when a peer is connected. */
  readonly script_path?: string;
  /** Where the server's own IPv4 address is from, and those of peers unless others are given. */
  readonly ip_address?: AddressRange;
  /** Where the peers' IPv4 addresses are from. */
  readonly ip_peer_address?: AddressRange;
  /** Where the server's own IPv6 address is from, and those of peers unless others are given. */
  readonly ip_address_ipv6?: AddressRange;
  /** Where the peers' IPv6 addresses are from. */
  readonly ip_peer_address_ipv6?: AddressRange;
}

const FIELDS: Record<keyof VpnConfiguration, Schema<unknown>> = {
  script_path: path(),
  ip_address: range(4),
  ip_peer_address: range(4),
  ip_address_ipv6: range(6),
  ip_peer_address_ipv6: range(6),
};

/**
 * Reads the file of `-C`, as upstream has it: beginnings of addresses, or networks as for `--range`.
 *
 * @throws {ToolError} usage, naming file, line and column of every mistake
 */
export async function readVpnConfiguration(file: string): Promise<VpnConfiguration> {
  try {
    const { text } = await readConfigFile(file);
    const directory = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "./";
    const context = new SchemaContext((name) => name.startsWith("/") ? name : directory + name);
    const { top, problems } = await parseYaml(file, text);
    const fields = readFields(top, FIELDS, context);
    const all = [...problems, ...context.problems];
    if (all.length > 0) throw new ConfigError(file, all);
    return Object.fromEntries([...fields].map(([key, { reading }]) => [key, reading.value]));
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ToolError(ExitCode.usage, cause.message, { cause });
  }
}

function range(family: 4 | 6): Schema<AddressRange> {
  return mapped(scalar((text) => text), (text) => {
    try {
      const parsed = parseAddressRange(text);
      if (parsed.family !== family) throw new SettingError(`expects IPv${family}, not ${text}`);
      return parsed;
    } catch (error) {
      if (error instanceof UsageError) throw new SettingError(error.message);
      throw error;
    }
  });
}
