import { ConnectError } from "../../lib/endpoint/errors.ts";
import { ExitCode, ToolError } from "../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../tool/output.ts";
import { explainFailure } from "../peer/failure.ts";
import type { PeerChannel, PeerEndpoint, PeerPath } from "../peer/peer_channel.ts";
import { readFull, writeAll } from "./all_bytes.ts";
import { pause } from "./pause.ts";
import { PING_CHANNEL } from "./ping_service.ts";

/** Pings that are sent, unless `--count` says otherwise. */
export const DEFAULT_COUNT = 5;
/** The same with `--until-direct`. */
export const DEFAULT_COUNT_UNTIL_DIRECT = 30;
/** From one ping to the next, ms. */
const INTERVAL_MS = 1_000;
/** The session gives a lost path up earlier; a peer that does not answer is given up then, ms. */
const REPLY_TIMEOUT_MS = 45_000;
/** A ping: its number, 32 bits, and as many random ones. */
const PING_BYTES = 8;

/** What `dnc --ping ID` needs to know. */
export interface PingOptions {
  /** The peer's id. */
  readonly id: string;
  /** Pings to send at most. */
  readonly count: number;
  /** End with the first reply over a direct path; without one it is a failure. */
  readonly untilDirect: boolean;
  /** One object a line instead of text. */
  readonly json: boolean;
  /** Longest time until there is a session, ms; undefined leaves it to the endpoint. */
  readonly timeoutMs: number | undefined;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Takes what goes to standard output, by default that; whether somebody reads it. */
  readonly write?: (text: string) => boolean;
  /** From one ping to the next, ms; default a second. */
  readonly intervalMs?: number;
}

/**
 * `dnc --ping ID`: opens a session, and tells for each reply over which path it came and how long
 * it took.
 *
 * @returns 0; with `untilDirect` 1, when every path was relayed
 * @throws {ToolError} when there is no connection, or it breaks; the signal's reason
 */
export async function ping(endpoint: PeerEndpoint, options: PingOptions): Promise<number> {
  const { signal } = options;
  const interrupted = Promise.withResolvers<never>();
  const abort = () => interrupted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([pingAll(endpoint, options), interrupted.promise]);
  } catch (error) {
    // The reason for giving up says more than that it was given up.
    throw signal.aborted ? signal.reason : explainFailure(error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function pingAll(endpoint: PeerEndpoint, options: PingOptions): Promise<number> {
  const { id, count, untilDirect, json, timeoutMs, signal } = options;
  const { write = writeOutput, intervalMs = INTERVAL_MS } = options;
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  const channel = await endpoint.connect(id, PING_CHANNEL, { signal, ...limit });
  const roundTrips: number[] = [];
  let isDirect = false, isRead = true;
  const isOver = () => !isRead || (untilDirect && isDirect);
  for (let sequence = 1; sequence <= count && !isOver(); sequence++) {
    if (sequence > 1) await pause(intervalMs - roundTrips.at(-1)!, signal);
    const roundTripMs = await pingOnce(channel, sequence);
    const path = pathTo(endpoint, id);
    roundTrips.push(roundTripMs);
    isDirect = path !== undefined && !path.relayed;
    const reply = { sequence, peer: id, path, roundTripMs };
    isRead = write(json ? jsonLine(reply) : replyLine(reply));
  }
  channel.close();
  if (!json) write(summary(roundTrips));
  return untilDirect && !isDirect ? ExitCode.failure : ExitCode.ok;
}

/** @returns the round trip, ms */
async function pingOnce(channel: PeerChannel, sequence: number): Promise<number> {
  const request = crypto.getRandomValues(new Uint8Array(PING_BYTES));
  new DataView(request.buffer).setUint32(0, sequence);
  const reply = new Uint8Array(PING_BYTES);
  const sentAt = performance.now();
  const timer = setTimeout(() => channel.reset(), REPLY_TIMEOUT_MS);
  const late = () => performance.now() - sentAt >= REPLY_TIMEOUT_MS;
  try {
    await writeAll(channel, request);
    if (!await readFull(channel, reply)) {
      throw new ToolError(ExitCode.failure, "the peer ended the pings");
    }
  } catch (error) {
    if (!late()) throw error;
    const seconds = REPLY_TIMEOUT_MS / 1000;
    throw new ConnectError("timeout", `no reply to ping ${sequence} within ${seconds} s`);
  } finally {
    clearTimeout(timer);
  }
  const roundTripMs = performance.now() - sentAt;
  if (reply.some((byte, i) => byte !== request[i])) {
    throw new ToolError(ExitCode.failure, "the peer's reply is not what it was sent");
  }
  return roundTripMs;
}

function pathTo(endpoint: PeerEndpoint, id: string): PeerPath | undefined {
  const sessions = endpoint.status().sessions.filter(({ peer }) => peer.id === id);
  return sessions.find(({ path }) => path !== undefined)?.path;
}

interface Reply {
  readonly sequence: number;
  readonly path: PeerPath | undefined;
  readonly roundTripMs: number;
}

function replyLine({ sequence, path, roundTripMs }: Reply): string {
  const over = path === undefined
    ? "path is changing"
    : `${path.relayed ? "relayed" : "direct"} ${path.kind} from ${path.remote}`;
  return `reply ${sequence}: ${over}, ${milliseconds(roundTripMs)}\n`;
}

function summary(roundTrips: readonly number[]): string {
  const mean = roundTrips.reduce((sum, one) => sum + one, 0) / roundTrips.length;
  const replies = roundTrips.length === 1 ? "1 reply" : `${roundTrips.length} replies`;
  return `${replies}, round trip min ${milliseconds(Math.min(...roundTrips))}, mean ${
    milliseconds(mean)
  }, max ${milliseconds(Math.max(...roundTrips))}\n`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
}
