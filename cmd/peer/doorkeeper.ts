import { refusalOf, type VerifiedChain } from "../../lib/identity/mod.ts";
import { ToolError } from "../tool/exit_code.ts";
import { watchFiles } from "./file_watch.ts";
import type { Report } from "./report.ts";
import { readTrust, type Trust, type TrustCommand, type TrustDefaults } from "./trust.ts";

/** A refusal is told again only after this time, ms: a peer that knocks on cannot fill the log. */
const REPEAT_AFTER_MS = 10_000;
/** Most refusals that are remembered for that. */
const MAX_REMEMBERED = 1_000;

/** What a doorkeeper needs of an endpoint. */
export interface GuardedEndpoint {
  /** Ends the sessions of peers that are refused now; how many they were. */
  reauthorize(): number;
}

/**
 * Decides who may connect to a listener, by rules that may change while it runs. Whoever is refused
 * learns why, and so does the log.
 *
 * ```
 *  open ──▶ rules ◀── reload: options changed ─┐
 *             │  ◀── a file has changed ───────┴─▶ a mistake: reported, the rules stay
 *             └──▶ end-revoked-sessions: the endpoint asks again about everybody
 *  close ──▶ nobody is let in any more
 * ```
 */
export class Doorkeeper {
  #command: TrustCommand;
  #trust: Trust;
  #closed: string | undefined;
  readonly #defaults: TrustDefaults;
  readonly #report: Report;
  readonly #refused = new Map<string, number>();

  private constructor(
    command: TrustCommand,
    trust: Trust,
    defaults: TrustDefaults,
    report: Report,
  ) {
    this.#command = command;
    this.#trust = trust;
    this.#defaults = defaults;
    this.#report = report;
    this.#warn(trust);
  }

  /**
   * Reads the rules.
   *
   * @throws {ToolError} usage, when a file cannot be used
   */
  static async open(
    command: TrustCommand,
    defaults: TrustDefaults,
    report: Report,
  ): Promise<Doorkeeper> {
    return new Doorkeeper(command, await readTrust(command, defaults), defaults, report);
  }

  /** Ids of the CAs whose devices may connect now. */
  get authorities(): readonly string[] {
    return this.#trust.rules.authorities;
  }

  /** Why a peer is refused now; for `EndpointOptions.authorize`. */
  readonly authorize = (peer: VerifiedChain): string | undefined => {
    const reason = this.#closed ?? refusalOf(this.#trust.rules, peer, new Date());
    if (reason !== undefined) this.#tell(peer.id, reason);
    return reason;
  };

  /**
   * Looks after the files of the rules until the signal.
   *
   * @param endpoint whose sessions of refused peers end where `end-revoked-sessions` is on
   */
  async watch(endpoint: GuardedEndpoint, signal: AbortSignal): Promise<void> {
    await watchFiles(
      () => this.#trust.files,
      async () => {
        try {
          await this.reload(this.#command, endpoint);
          this.#report.notice("rules read again, because a file has changed");
        } catch (error) {
          if (!(error instanceof ToolError)) throw error;
          this.#report.notice(`the former rules stay: ${error.message}`, { level: "error" });
        }
      },
      signal,
    );
  }

  /**
   * Reads the rules again.
   *
   * @throws {ToolError} usage, when a file cannot be used; then the former rules stay
   */
  async reload(command: TrustCommand, endpoint: GuardedEndpoint): Promise<void> {
    const trust = await readTrust(command, this.#defaults);
    this.#command = command;
    this.#trust = trust;
    this.#warn(trust);
    if (!command.values["end-revoked-sessions"]) return;
    const ended = endpoint.reauthorize();
    if (ended > 0) this.#report.notice(`${ended} sessions ended, whose peers are refused now`);
  }

  /** From now on nobody is let in, and nothing new is opened for those who are. */
  close(reason: string): void {
    this.#closed = reason;
  }

  #warn({ warnings }: Trust): void {
    for (const warning of warnings) this.#report.notice(warning, { level: "warning" });
  }

  #tell(peer: string, reason: string): void {
    const now = Date.now();
    const key = `${peer} ${reason}`;
    const last = this.#refused.get(key);
    if (last !== undefined && now - last < REPEAT_AFTER_MS) return;
    if (this.#refused.size >= MAX_REMEMBERED) this.#refused.clear();
    this.#refused.set(key, now);
    this.#report.notice(`refused ${peer}: ${reason}`, { level: "warning", peer, reason });
  }
}
