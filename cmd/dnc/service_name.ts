/**
 * How the channels are named that `dnc` opens:
 *
 * | name                     | what the peer joins the channel to                                |
 * | ------------------------ | ----------------------------------------------------------------- |
 * | `nc://`                  | its standard input and output                                     |
 * | `nc://127.0.0.1:22`      | a TCP connection to there; IPv6 in brackets, `nc://[::1]:80`      |
 * | `nc+udp://127.0.0.1:53`  | a UDP socket: datagrams, each after its length (16 bits)          |
 * | `nc+unix:///run/x.sock`  | a connection to the unix socket with this path                    |
 * | `nc+listen://[::1]:8080` | the next connection that it gets on this port, once there is one; |
 * |                          | one byte, 1, comes before what that connection says               |
 *
 * A channel is accepted once it is joined; that of `nc+listen` as soon as the peer listens.
 *
 * @module
 */
import { formatTarget, parseTarget, type Target } from "../peer/target.ts";
import { parseSocketPath, type Service } from "./service/service.ts";

/** A wish for the next connection to a port of the peer's. */
export interface RemoteListen extends Target {
  readonly kind: "listen";
}

/** The wish for the peer's standard streams. */
export interface StandardStreamsWish {
  readonly kind: "standard-streams";
}

/** What a channel is for. */
export type ChannelPurpose = Service | RemoteListen | StandardStreamsWish;

const SCHEMES = { tcp: "nc://", udp: "nc+udp://", unix: "nc+unix://", listen: "nc+listen://" };

/** The channel name of a purpose; undefined stands for the peer's standard streams. */
export function formatServiceName(purpose: ChannelPurpose | undefined): string {
  if (purpose === undefined || purpose.kind === "standard-streams") return SCHEMES.tcp;
  return SCHEMES[purpose.kind] +
    (purpose.kind === "unix" ? purpose.path : formatTarget(purpose));
}

/** What a channel name asks for; undefined when it is none of `dnc`'s names. */
export function parseServiceName(name: string): ChannelPurpose | undefined {
  if (name === SCHEMES.tcp) return { kind: "standard-streams" };
  const kind = (["tcp", "udp", "unix", "listen"] as const)
    .find((kind) => name.startsWith(SCHEMES[kind]));
  if (kind === undefined) return undefined;
  const rest = name.slice(SCHEMES[kind].length);
  try {
    return kind === "unix" ? { kind, path: parseSocketPath(rest) } : { kind, ...parseTarget(rest) };
  } catch {
    return undefined;
  }
}
