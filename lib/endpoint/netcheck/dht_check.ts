import { DhtService } from "../dht_service.ts";
import { sleep } from "../sleep.ts";
import type { CheckContext } from "./context.ts";

/** How long nodes are counted after the first one has answered, milliseconds. */
const COUNTING_MS = 700;

/** What our DHT node found. */
export interface DhtReport {
  /** `connected` when nodes answer. */
  readonly status: "disconnected" | "connecting" | "connected";
  /** Nodes that answered. */
  readonly nodes: number;
  /** From the start to the first node, milliseconds. */
  readonly connectedAfterMs: number | undefined;
  /** Our public IPs as the nodes see them. */
  readonly publicIps: readonly string[];
}

/** How to join the DHT: see the options of an endpoint. */
export interface DhtCheckOptions {
  readonly bootstrap: readonly string[];
  readonly discovery: boolean;
  readonly networkId: number;
  readonly stateFile: string | undefined;
}

/**
 * Joins the DHT, counts the nodes that answer, and leaves.
 *
 * @throws {ConnectError} `no-network` when no socket can be bound
 * @throws {TypeError} when a bootstrap entry is none
 */
export async function checkDht(
  { bootstrap, discovery, networkId, stateFile }: DhtCheckOptions,
  { clock, interfaces, signal }: CheckContext,
): Promise<DhtReport> {
  const startedAt = clock.now();
  const service = await DhtService.start({
    bootstrap,
    discovery,
    networkId,
    clock,
    ...(interfaces === undefined ? {} : { interfaces }),
    ...(stateFile === undefined ? {} : { stateFile }),
  });
  try {
    await connected(service, signal);
    const isConnected = service.status().status === "connected";
    const connectedAfterMs = isConnected ? clock.now() - startedAt : undefined;
    if (isConnected) await sleep(clock, COUNTING_MS, signal);
    const { status, nodes, publicAddresses } = service.status();
    return { status, nodes, connectedAfterMs, publicIps: publicAddresses };
  } finally {
    await service.close();
  }
}

/** Resolves when a node has answered, or the signal has fired. */
async function connected(service: DhtService, signal: AbortSignal): Promise<void> {
  const settled = Promise.withResolvers<void>();
  const look = () => {
    if (signal.aborted || service.status().status === "connected") settled.resolve();
  };
  const forget = service.onStatusChange(look);
  signal.addEventListener("abort", look, { once: true });
  look();
  await settled.promise;
  signal.removeEventListener("abort", look);
  forget();
}
