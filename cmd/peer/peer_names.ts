import { ConfigError } from "../../lib/config/config_error.ts";
import { readConfigFile } from "../../lib/config/config_file.ts";
import type { ConfigNode } from "../../lib/config/config_node.ts";
import { listOf, mapping, scalar, type Schema, SchemaContext } from "../../lib/config/schema.ts";
import { nearest } from "../../lib/config/suggestion.ts";
import { parseYaml } from "../../lib/config/yaml_text.ts";
import { configDirectory } from "../tool/config_directory.ts";
import { ExitCode, ToolError, UsageError } from "../tool/exit_code.ts";
import { acceptable } from "../tool/settings.ts";
import { peerId } from "./peer_id.ts";
import { checkedAddress } from "./target.ts";

/** What `ssh user@dnc/home` hands over. */
const PREFIX = /^dnc\//;
/** What somebody meant to be an id, right or not. */
const LIKE_AN_ID = /^[0-9a-f]{32,}$/i;
const NAME = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i;

/** A peer, and how to find it. */
export interface KnownPeer {
  /** Its id. */
  readonly id: string;
  /** DHT nodes to start from; empty for the usual ones. */
  readonly bootstrap: readonly string[];
}

/**
 * The peer that a user means by an id, or by a name in `peers.yaml` of the configuration directory:
 *
 * ```yaml
 * home: 3f6c…e1
 * office: { id: 82a0…07, bootstrap: dht.example.org }
 * ```
 *
 * `dnc/` may stand before either, as in `ssh user@dnc/home`.
 *
 * @throws {UsageError} when it is neither; with the name that was meant, perhaps
 * @throws {ToolError} usage, when the file has mistakes
 */
export async function knownPeer(text: string): Promise<KnownPeer> {
  const name = text.replace(PREFIX, "");
  if (LIKE_AN_ID.test(name)) return { id: peerId(name), bootstrap: [] };
  const path = `${configDirectory()}/peers.yaml`;
  const peers = await readPeers(path);
  if (peers === undefined) {
    throw new UsageError(
      `${JSON.stringify(name)} is not an id: an id has 64 hexadecimal characters; ` +
        `names for ids go into ${path}`,
    );
  }
  const peer = peers.get(name);
  if (peer !== undefined) return peer;
  const near = nearest(name, [...peers.keys()]);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new UsageError(`${JSON.stringify(name)} is neither an id nor a name in ${path}${hint}`);
}

/** @returns undefined when there is no such file */
async function readPeers(path: string): Promise<Map<string, KnownPeer> | undefined> {
  try {
    const { text } = await readConfigFile(path);
    return await decodePeers(path, text);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    if (cause.cause instanceof Deno.errors.NotFound) return undefined;
    throw new ToolError(ExitCode.usage, cause.message, { cause });
  }
}

/**
 * The peers that a text of the form of `peers.yaml` names.
 *
 * @param path for messages
 * @throws {ConfigError} naming every mistake
 */
export async function decodePeers(path: string, text: string): Promise<Map<string, KnownPeer>> {
  const { top, problems } = await parseYaml(path, text);
  const context = new SchemaContext((name) => name, "", [...problems]);
  const peers = new Map<string, KnownPeer>();
  for (const entry of top.entries) {
    const { key, value } = entry;
    const part = context.within(key);
    if (LIKE_AN_ID.test(key) || !NAME.test(key)) {
      part.reject(
        entry,
        "a name has letters, digits, dots and dashes, and does not look like an id",
      );
    } else if (peers.has(key)) part.reject(entry, "this name is given twice");
    else {
      const peer = PEER.read(value, part);
      if (peer !== undefined) peers.set(key, peer.value);
    }
  }
  if (context.problems.length > 0) throw new ConfigError(path, context.problems);
  return peers;
}

const ID = scalar(acceptable(peerId));
const DETAILS = mapping(
  { id: ID, bootstrap: listOf(scalar(acceptable(checkedAddress))) },
  ["id"],
);

/** An id, or an id with the rest. */
const PEER: Schema<KnownPeer> = {
  read(node: ConfigNode, context: SchemaContext) {
    if (node.kind === "scalar") {
      const id = ID.read(node, context);
      return id && { ...id, value: { id: id.value, bootstrap: [] } };
    }
    const details = DETAILS.read(node, context);
    if (details === undefined) return undefined;
    const { id, bootstrap = [] } = details.value;
    return { ...details, value: { id: id!, bootstrap } };
  },
};
