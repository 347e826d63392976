import { formatSocketAddress, type IpFamily } from "../../ip/mod.ts";
import { hostAddresses } from "../../net/mod.ts";
import { TurnError } from "../../turn/mod.ts";
import { allocateRelay } from "../relay/allocate_relay.ts";
import type { ServerTransport, TurnServer } from "../relay/server.ts";
import type { TurnRelay } from "../relay/turn_relay.ts";
import type { CheckContext } from "./context.ts";

/** Whether a TURN server relays for us when it is reached in one way. */
export interface TurnReport {
  /** As it was named. */
  readonly host: string;
  /** The port that was named; undefined for the usual one. */
  readonly port: number | undefined;
  /** How the server was reached. */
  readonly transport: ServerTransport;
  /** The address that the server gave us. */
  readonly relayed: string | undefined;
  /** The server's address in use. */
  readonly server: string | undefined;
  /** From where the server saw us. */
  readonly mapped: string | undefined;
  /** To the server, milliseconds. */
  readonly roundTripMs: number | undefined;
  /** Code of the {@linkcode TurnError}, when there is no relayed address. */
  readonly errorCode: string | undefined;
  /** Why there is none, for people. */
  readonly failure: string | undefined;
}

/**
 * Gets a relayed address from each server in each way in which it would be used, and gives it back.
 * All at once.
 */
export async function checkTurn(
  servers: readonly TurnServer[],
  context: CheckContext,
): Promise<TurnReport[]> {
  const ways = servers.flatMap((server) =>
    (server.transport === undefined ? ["udp", "tcp"] as const : [server.transport])
      .map((transport) => ({ ...server, transport }))
  );
  return await Promise.all(ways.map((server) => checkWay(server, context)));
}

async function checkWay(
  server: TurnServer & { readonly transport: ServerTransport },
  context: CheckContext,
): Promise<TurnReport> {
  const { host, port, transport } = server;
  const report = {
    host,
    port,
    transport,
    relayed: undefined,
    server: undefined,
    mapped: undefined,
    roundTripMs: undefined,
    errorCode: undefined,
    failure: undefined,
  };
  try {
    const relay = await allocate(server, context);
    await relay.close();
    return {
      ...report,
      relayed: formatSocketAddress(relay.address),
      server: formatSocketAddress(relay.server),
      mapped: formatSocketAddress(relay.mapped),
      roundTripMs: relay.roundTripMs,
    };
  } catch (error) {
    if (!(error instanceof TurnError)) throw error;
    const { cause } = error;
    const { code, message } = cause instanceof TurnError ? cause : error;
    const late = context.signal.aborted && code === "closed";
    return {
      ...report,
      errorCode: late ? "unreachable" : code,
      failure: late ? "no answer in time" : message,
    };
  }
}

/** An IPv4 address, or what a server has that relays IPv6 alone. */
async function allocate(server: TurnServer, context: CheckContext): Promise<TurnRelay> {
  const { interfaces, clock, random, signal } = context;
  const localAddresses = interfaces === undefined
    ? undefined
    : hostAddresses({ interfaces }).map(({ ip }) => ip);
  const common = { servers: [server], localAddresses, clock, random, signal };
  const inFamily = (family: IpFamily) => allocateRelay({ ...common, family });
  try {
    return await inFamily(4);
  } catch (error) {
    if (error instanceof TurnError && error.code === "family") return await inFamily(6);
    throw error;
  }
}
