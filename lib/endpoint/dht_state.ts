import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from "../ip/mod.ts";
import { readBounded, writeSecret } from "../net/mod.ts";

/** Nodes kept in a state file; the first are kept. */
export const MAX_SAVED_NODES = 200;
/** Bytes of a state file; a longer one is not ours. */
const MAX_STATE_BYTES = 64 * 1024;
const VERSION = 1;

/** A DHT node as a state file keeps it. */
export interface SavedNode {
  /** 20 bytes. */
  readonly id: Uint8Array;
  /** Where it was last heard. */
  readonly address: SocketAddress;
}

/**
 * Writes the nodes to a file, atomically, for its owner alone: it tells with whom we talked.
 *
 * @throws {NetError} `file`
 */
export async function saveNodes(path: string, nodes: readonly SavedNode[]): Promise<void> {
  const lines = nodes.slice(0, MAX_SAVED_NODES).map(({ id, address }) => [
    bytesToHex(id),
    formatSocketAddress(address),
  ]);
  await writeSecret(
    path,
    new TextEncoder().encode(JSON.stringify({ version: VERSION, nodes: lines })),
  );
}

/**
 * Reads what {@linkcode saveNodes} wrote; no file means no nodes. Entries that are no nodes are
 * skipped.
 *
 * @throws {Error} when the file is not of the form
 */
export async function loadNodes(path: string): Promise<SavedNode[]> {
  const bytes = await readBounded(path, MAX_STATE_BYTES);
  if (bytes === undefined) return [];
  const state: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const { version, nodes } = (state ?? {}) as { version?: unknown; nodes?: unknown };
  if (version !== VERSION || !Array.isArray(nodes)) throw new Error("not a DHT state file");
  return nodes.slice(0, MAX_SAVED_NODES).flatMap((entry) => readNode(entry) ?? []);
}

function readNode(entry: unknown): SavedNode | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [id, address] = entry as unknown[];
  if (typeof id !== "string" || typeof address !== "string") return undefined;
  if (!/^[0-9a-f]{40}$/.test(id)) return undefined;
  try {
    return { id: hexToBytes(id), address: parseSocketAddress(address) };
  } catch { // no address
    return undefined;
  }
}
