import type { VerifiedChain } from "../../../lib/identity/mod.ts";
import { failureMessage } from "../../peer/failure.ts";
import { DeclineCode, type IncomingChannel } from "../../peer/peer_channel.ts";
import type { Report } from "../../peer/report.ts";
import { waitAtMost } from "../../tool/waiting.ts";
import { FrameType } from "../protocol/frame.ts";
import {
  encodeExit,
  encodeStarted,
  type ProgramExit,
  type SessionFailure,
} from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/protocol_error.ts";
import type { SessionRequest } from "../protocol/session_request.ts";
import type { Account } from "./account.ts";
import type { Accounts } from "./accounts.ts";
import { type AuditEntry, auditLine } from "./audit.ts";
import { ClientLink, type Departure } from "./client_link.ts";
import { startPiped } from "./piped_child.ts";
import { type CommandPolicy, decide } from "./policy.ts";
import { ProgramSession } from "./program_session.ts";
import { Scrollback } from "./scrollback.ts";
import { sessionEnvironment } from "./session_environment.ts";
import { startAtTerminal } from "./terminal_child.ts";

/** Output that is kept of a session that stays while its client is gone, bytes. */
const SCROLLBACK_BYTES = 256 * 1024;
/** Longest wait for a client to hang up after the last frame, ms. */
const FAREWELL_MS = 20_000;
/** Longest wait for a client that is sent away to take the reason, ms: it may not read at all. */
const DISMISS_MS = 2_000;
/** The same while the server shuts down, ms. */
const CLOSE_MS = 250;
/** Between two looks at whether a session is idle, ms. */
const IDLE_LOOK_MS = 250;
const TOO_MANY = "this peer has too many sessions";

/** A channel whose peer has shown its certificates. */
export interface KnownChannel extends IncomingChannel {
  readonly peer: VerifiedChain;
}

/** What the owner of a server says about sessions. */
export interface SessionRules {
  /** What peers may run. */
  readonly policy: CommandPolicy;
  /** As whom. */
  readonly accounts: Accounts;
  /** Names of variables that peers may set. */
  readonly acceptedVariables: readonly string[];
  /** Sessions at once. */
  readonly maxSessions: number;
  /** A session in which nothing is said for this time is ended, ms; undefined for never. */
  readonly idleTimeoutMs: number | undefined;
  /** How long a session may wait for its client to come back, ms; 0 for not at all. */
  readonly keepMs: number;
}

/** Where a server of sessions tells what happens. */
export interface SessionLogs {
  /** For the user that runs the server. */
  readonly report: Report;
  /** Has a line of every session, and is never silent. */
  readonly audit: Report;
}

/** A session, and who has it. */
interface LiveSession {
  readonly session: ProgramSession;
  /** Name that its peer gave it, to come back to it. */
  readonly keptName: string | undefined;
  readonly peerId: string;
  expiry: ReturnType<typeof setTimeout> | undefined;
}

/** Runs programs for peers, by the rules of its owner. */
export class SessionService {
  readonly #logs: SessionLogs;
  #rules: SessionRules;
  readonly #live = new Set<LiveSession>();
  #starting = 0;
  #closed = false;

  constructor(rules: SessionRules, logs: SessionLogs) {
    this.#rules = rules;
    this.#logs = logs;
  }

  /** From now on these rules count; sessions that there are go on. */
  replaceRules(rules: SessionRules): void {
    this.#rules = rules;
  }

  /** Sessions that there are. */
  get size(): number {
    return this.#live.size;
  }

  /** Serves one channel to its end. */
  async serve(incoming: KnownChannel): Promise<void> {
    const { peer } = incoming;
    // Only the request tells who comes back to a session, and starts none.
    if (this.#starting >= this.#rules.maxSessions || this.#closed) {
      return incoming.decline(DeclineCode.occupied, TOO_MANY);
    }
    const link = new ClientLink(incoming.accept());
    this.#starting++;
    try {
      const request = await link.request().finally(() => this.#starting--);
      const { kept } = request;
      const live = kept?.mode === "attach"
        ? this.#find(peer.id, kept.name)
        : await this.#start(peer, request);
      if (typeof live === "string") return await link.fail({ code: "refused", reason: live });
      await this.#connect(live, link, request);
    } catch (error) {
      if (error instanceof ProtocolError) {
        await dismiss(link, { code: "refused", reason: `protocol violated: ${error.message}` });
      } else if (error instanceof StartFailure) {
        await link.fail({ code: "failed", reason: error.message });
      } else link.reset();
      this.#logs.report.detail(`${peer.id}: ${failureMessage(error)}`);
    }
  }

  /** Ends all sessions; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#live].map(async ({ session, expiry }) => {
      clearTimeout(expiry);
      await this.#hangUp(session, "the peer is shutting down", CLOSE_MS);
      await session.finished;
    }));
  }

  /** A session that waits for its client, or why there is none. */
  #find(peerId: string, name: string): LiveSession | string {
    const live = [...this.#live].find((one) => one.peerId === peerId && one.keptName === name);
    return live ?? `there is no session ${JSON.stringify(name)} of yours here`;
  }

  /** Starts a program, or tells why not. */
  #start(peer: VerifiedChain, request: SessionRequest): LiveSession | string {
    const { policy, accounts, keepMs } = this.#rules;
    const account = accounts.accountFor(peer);
    const decision = account === undefined
      ? { refusal: "this peer has no user for you" }
      : decide(policy, request, account);
    const kept = request.kept?.name;
    const refusal = "refusal" in decision
      ? decision.refusal
      : this.#refuseMore() ?? this.#refuseKept(peer.id, request);
    if (account === undefined || "refusal" in decision || refusal !== undefined) {
      const command = request.command ?? request.binary ?? "shell";
      const nobody = { peer, request, account: undefined, command, since: new Date() };
      this.#audit(nobody, { refusal: refusal! });
      return refusal!;
    }
    const { variables, ignored } = sessionEnvironment(
      request,
      account,
      this.#rules.acceptedVariables,
      { peerId: peer.id, originalCommand: decision.originalCommand },
    );
    const launch = { program: decision.program, environment: variables, account };
    const start = () =>
      request.terminal === undefined
        ? startPiped(launch)
        : startAtTerminal(launch, request.terminal);
    const session = new ProgramSession(
      started(start),
      kept !== undefined && keepMs > 0 ? new Scrollback(SCROLLBACK_BYTES) : undefined,
      ignored,
    );
    const live: LiveSession = { session, keptName: kept, peerId: peer.id, expiry: undefined };
    this.#live.add(live);
    const about = { peer, request, account, command: decision.description, since: new Date() };
    session.ended.then((exit) => this.#audit(about, exit, session));
    session.finished.then(() => {
      // Its process id may be another's by then.
      clearTimeout(live.expiry);
      this.#live.delete(live);
    });
    return live;
  }

  #refuseMore(): string | undefined {
    if (this.#closed) return "the peer is shutting down";
    return this.#live.size < this.#rules.maxSessions ? undefined : TOO_MANY;
  }

  #refuseKept(peerId: string, { kept, terminal }: SessionRequest): string | undefined {
    if (kept === undefined) return undefined;
    if (this.#rules.keepMs === 0) return "this peer keeps no sessions";
    if (terminal === undefined) return "only sessions at a terminal are kept";
    if (typeof this.#find(peerId, kept.name) === "string") return undefined;
    return `there is a session ${JSON.stringify(kept.name)} already: --attach goes on with it`;
  }

  /** Lets a client have a session until one of them ends. */
  async #connect(live: LiveSession, link: ClientLink, request: SessionRequest): Promise<void> {
    const { session } = live;
    clearTimeout(live.expiry);
    const former = session.client;
    link.writer.send(FrameType.started, encodeStarted({ ignored: session.ignored })).catch(
      () => {},
    );
    session.attach(link);
    if (former !== undefined) {
      void dismiss(former, { code: "ended", reason: "the session was attached from elsewhere" });
    }
    if (request.kept?.mode === "attach" && request.terminal !== undefined) {
      session.actions.onResize(request.terminal);
      // The same size is no news: programs draw their screen again on this only.
      session.actions.onSignal("SIGWINCH");
    }
    const departed = link.serve(session.actions);
    const idle = this.#watchIdle(session);
    let outcome: ProgramExit | Departure | "idle";
    try {
      outcome = await Promise.race([session.ended, departed, idle.reached]);
    } catch (error) {
      session.end();
      throw error;
    } finally {
      idle.stop();
    }
    if (outcome === "idle") await this.#hangUp(session, "nothing was said for too long");
    else if (typeof outcome === "string") this.#left(live, link);
    else await link.finish(FrameType.exit, encodeExit(outcome));
    await waitAtMost(departed.catch(() => {}), FAREWELL_MS);
    link.reset();
  }

  /** A client has left: its session waits for it, or ends. */
  #left(live: LiveSession, link: ClientLink): void {
    const { session } = live;
    if (session.client !== link) return;
    session.detach(link);
    if (live.keptName === undefined || this.#closed) return session.end();
    if (!this.#live.has(live)) return;
    live.expiry = setTimeout(() => session.end(), this.#rules.keepMs);
  }

  async #hangUp(session: ProgramSession, reason: string, patienceMs?: number): Promise<void> {
    const { client } = session;
    session.end();
    if (client !== undefined) await dismiss(client, { code: "ended", reason }, patienceMs);
  }

  #watchIdle(session: ProgramSession): { reached: Promise<"idle">; stop(): void } {
    const { promise: reached, resolve } = Promise.withResolvers<"idle">();
    const limit = this.#rules.idleTimeoutMs;
    if (limit === undefined) return { reached, stop() {} };
    const timer = setInterval(() => {
      if (performance.now() - session.lastActivity > limit) resolve("idle");
    }, Math.min(IDLE_LOOK_MS, limit));
    return { reached, stop: () => clearInterval(timer) };
  }

  #audit(
    about: {
      readonly peer: VerifiedChain;
      readonly request: SessionRequest;
      readonly account: Account | undefined;
      readonly command: string;
      readonly since: Date;
    },
    end: AuditEntry["end"],
    { sent, received }: { sent: number; received: number } = { sent: 0, received: 0 },
  ): void {
    const { peer, request, account, command, since } = about;
    const entry = {
      ...{ peer: peer.id, name: peer.subjects[0] ?? "", user: account?.name, command, since },
      ...{ terminal: request.terminal !== undefined, end, sent, received },
    };
    this.#logs.audit.notice(auditLine(entry, new Date()));
  }
}

/**
 * Tells a client why it has to leave. One that does not take that in time is left without a word:
 * what waits to be sent to it would hold up its session for ever.
 */
async function dismiss(
  client: ClientLink,
  failure: SessionFailure,
  patienceMs = DISMISS_MS,
): Promise<void> {
  let isTold = false;
  await waitAtMost(client.fail(failure).then(() => isTold = true), patienceMs);
  if (!isTold) client.reset();
}

/** A program could not be started. */
class StartFailure extends Error {
  override readonly name = "StartFailure";
}

function started<T>(start: () => T): T {
  try {
    return start();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartFailure(`the peer cannot start a program: ${reason}`, { cause });
  }
}
