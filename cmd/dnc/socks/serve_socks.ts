import { ConnectError } from "../../../lib/endpoint/errors.ts";
import { ChannelError } from "../../../lib/session/errors.ts";
import { DeclineCode, type PeerChannel } from "../../peer/peer_channel.ts";
import { parseHost } from "../../peer/target.ts";
import { ExitCode, ToolError } from "../../tool/exit_code.ts";
import type { PeerLink } from "../forward/peer_link.ts";
import { writeAll } from "../all_bytes.ts";
import { relay, type StreamConnection } from "../relay.ts";
import { formatServiceName } from "../service_name.ts";
import { encodeReply, SocksHandshake, SocksReply, type SocksStep } from "./socks5.ts";

/** A client that has not said by then where it wants to go is given up, ms. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Bytes per read before the payload: no message of the handshake is longer. */
const READ_BYTES = 512;

/**
 * Serves one connection of a SOCKS5 client: what it wants to reach is reached at the peer's side,
 * where the peer's list decides.
 *
 * @throws what broke the connection, or kept it from being made, after it is closed
 */
export async function serveSocks(connection: StreamConnection, link: PeerLink): Promise<void> {
  let channel: PeerChannel | undefined;
  try {
    const request = await handshake(connection);
    if (request === undefined) return connection.close();
    channel = await open(request, link).catch(async (error) => {
      // A client that has gone does not hide why there was nothing for it.
      await writeAll(connection, encodeReply(replyCode(error))).catch(() => {});
      throw error;
    });
    await writeAll(connection, encodeReply(SocksReply.succeeded));
    await writeAll(channel, request.rest);
  } catch (error) {
    connection.close();
    channel?.reset();
    throw error;
  }
  await relay(channel, connection);
}

type Request = Extract<SocksStep, { kind: "request" }>;

/**
 * @returns undefined when the client made no request that we serve
 * @throws {ToolError} when it makes none in time
 */
async function handshake(connection: StreamConnection): Promise<Request | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLate()), HANDSHAKE_TIMEOUT_MS);
  try {
    return await Promise.race([negotiate(connection), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(): ToolError {
  const seconds = HANDSHAKE_TIMEOUT_MS / 1_000;
  const message = `a SOCKS client has not said within ${seconds} s where it wants to go`;
  return new ToolError(ExitCode.failure, message);
}

async function negotiate(connection: StreamConnection): Promise<Request | undefined> {
  const state = new SocksHandshake();
  const buffer = new Uint8Array(READ_BYTES);
  while (true) {
    const count = await connection.read(buffer);
    if (count === null) return undefined;
    const step = state.push(buffer.subarray(0, count));
    await writeAll(connection, step.reply);
    if (step.kind === "request") return step;
    if (step.kind === "refused") return undefined;
  }
}

async function open({ host, port }: Request, link: PeerLink): Promise<PeerChannel> {
  const service = { kind: "tcp", host: parseHost(host), port } as const;
  const channel = await link.open(formatServiceName(service));
  await channel.opened;
  return channel;
}

/** What an error on the way to the target is called in RFC 1928 §6. */
function replyCode(error: unknown): number {
  if (error instanceof ConnectError) return SocksReply.networkUnreachable;
  if (!(error instanceof ChannelError) || error.code !== "declined") {
    return SocksReply.failure;
  }
  switch (error.remoteCode) {
    case DeclineCode.notAllowed:
      return SocksReply.notAllowed;
    case DeclineCode.targetRefused:
      return SocksReply.connectionRefused;
    case DeclineCode.targetUnreachable:
      return SocksReply.hostUnreachable;
    default:
      return SocksReply.failure;
  }
}
