import { encodeCheck, encodeIndication } from "./check_message.ts";
import type { AgentContext } from "./context.ts";
import type { IceCredentials } from "./credentials.ts";
import type { CandidatePair } from "./pair.ts";
import {
  type CheckPurpose,
  checkTimeoutMs,
  MIN_RTO_MS,
  type Transaction,
  Transactions,
} from "./transactions.ts";

/** Outstanding requests per generation; a pair has few at a time. */
const MAX_TRANSACTIONS = 512;

/** Sends Binding requests of one generation, and again until they are answered. */
export class CheckSender {
  readonly transactions = new Transactions(MAX_TRANSACTIONS);
  readonly #context: AgentContext;
  readonly #local: IceCredentials;

  constructor(context: AgentContext, local: IceCredentials) {
    this.#context = context;
    this.#local = local;
  }

  /** How long a check of `pair` may take before it has failed: UDP and TCP alike. */
  get timeoutMs(): number {
    const { rtoMs, maxTransmissions } = this.#context.settings;
    return checkTimeoutMs(rtoMs, maxTransmissions);
  }

  /**
   * Sends a Binding request on the pair's path.
   * @param activePairs pairs waiting or in progress, which scale the RTO (RFC 8445 §14.3)
   */
  send(
    pair: CandidatePair,
    remote: IceCredentials,
    purpose: CheckPurpose,
    activePairs: number,
    now: number,
  ): void {
    const path = pair.path;
    if (!path) return;
    const { role, random, locals, pacer, settings } = this.#context;
    const id = random(12);
    const priority = locals.reflexivePriority(pair.local);
    const nominate = purpose === "nomination";
    const bytes = encodeCheck({ id, local: this.#local, remote, priority, role, nominate });
    const reliable = path.transport === "tcp" || purpose !== "check";
    const rtoMs = Math.max(MIN_RTO_MS, settings.rtoMs, pacer.intervalMs * activePairs);
    this.transactions.add({
      id,
      pair,
      path,
      purpose,
      bytes,
      controlling: role.controlling,
      priority,
      sentAt: now,
      rtoMs,
      maxTransmissions: reliable ? 1 : settings.maxTransmissions,
      expiresAt: now + checkTimeoutMs(rtoMs, settings.maxTransmissions),
      transmissions: 1,
      resendAt: now + rtoMs,
      cancelled: false,
    });
    this.#transmit(pair, bytes);
  }

  /** Retransmits what is due. */
  resend(now: number): void {
    for (const { pair, bytes } of this.transactions.takeDue(now)) this.#transmit(pair, bytes);
  }

  /** Sends a keepalive without credentials (RFC 8445 §11). */
  indicate(pair: CandidatePair): void {
    if (pair.path) this.#context.transmit(pair.path, encodeIndication(this.#context.random(12)));
  }

  /** The request that a response belongs to, taken out. */
  take(id: Uint8Array): Transaction | undefined {
    const transaction = this.transactions.get(id);
    if (transaction) this.transactions.delete(transaction);
    return transaction;
  }

  #transmit(pair: CandidatePair, bytes: Uint8Array): void {
    pair.requestsSent++;
    this.#context.stats.requestsSent++;
    this.#context.transmit(pair.path!, bytes);
  }
}
