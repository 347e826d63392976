import { hasQuic, NetError } from "../net/mod.ts";
import { abortedConnect, ConnectError } from "./errors.ts";
import { REFUSAL, type Refusal, SignallingError } from "./signalling/mod.ts";

/** The peer dials us at the same moment and its dial stands: its session will come. */
export class SimultaneousDial extends Error {
  override readonly name = "SimultaneousDial";
}

/** The peer does not know the session that we want to go on with, or has ended it. */
export class SessionUnknown extends Error {
  override readonly name = "SessionUnknown";
}

/** What a peer's refusal means to the caller. */
export function refused(peerId: string, { code, reason }: Refusal): Error {
  switch (code) {
    case REFUSAL.simultaneous:
      return new SimultaneousDial(`${peerId} dials us`);
    case REFUSAL.session:
      return new SessionUnknown(reason);
    case REFUSAL.busy:
      return new ConnectError("busy", `${peerId} is busy: ${reason}; try again`);
    case REFUSAL.transport:
      return new ConnectError("transport", `${peerId} cannot use our transport: ${reason}`);
    default:
      return new ConnectError("refused", `${peerId} refused the connection: ${reason}`);
  }
}

/** Every failure on the way as what it means to the caller. */
export function explained(cause: unknown, peerId: string, signal: AbortSignal): Error {
  if (cause instanceof ConnectError && cause.code === "unreachable" && !hasQuic()) {
    const hint = "paths over UDP were left out: they need Deno's --unstable-net";
    return new ConnectError("unreachable", `${cause.message}; ${hint}`, { cause });
  }
  const own = [ConnectError, SimultaneousDial, SessionUnknown];
  if (cause instanceof Error && own.some((type) => cause instanceof type)) return cause;
  if (signal.aborted) return abortedConnect(signal);
  if (cause instanceof SignallingError) {
    const identity = cause.code === "identity" || cause.code === "certificate";
    return new ConnectError(identity ? "identity" : "unreachable", `${peerId}: ${cause.message}`, {
      cause,
    });
  }
  if (cause instanceof NetError) {
    return new ConnectError("unreachable", `${peerId}: ${cause.message}`, { cause });
  }
  return cause instanceof Error ? cause : new Error(String(cause));
}
