import { DeclineCode, type PeerChannel } from "../../../peer/peer_channel.ts";
import type { Report } from "../../../peer/report.ts";
import { waitAtMost } from "../../../tool/waiting.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import type { Account } from "../../server/account.ts";
import type { Accounts } from "../../server/accounts.ts";
import type { KnownChannel } from "../../server/session_service.ts";
import { FrameOutput } from "../frame_output.ts";
import type { TransferRequest } from "../protocol/transfer_request.ts";
import { delegateTransfer } from "./delegate_transfer.ts";
import { firstFrame } from "./first_frame.ts";
import { sendFailure, serveTransfer, type TransferOutcome } from "./serve_transfer.ts";
import { interruptible, superseded } from "./superseded.ts";
import { transferLine } from "./transfer_audit.ts";
import { WatchedChannel } from "./watched_channel.ts";

/** Transfers at once; each has a few files open. */
const MAX_TRANSFERS = 32;
/** Longest wait for the request, and for the client to have taken the last frame, ms. */
const PATIENCE_MS = 20_000;
/** Longest wait for transfers that are told to end, ms. */
const CLOSE_MS = 2_000;

/** A transfer that is going on. */
interface LiveTransfer {
  readonly channel: PeerChannel;
  work: Promise<void>;
  /** What is put where by whom: another one of the same purpose needs the same files. */
  purpose: string | undefined;
  /** Aborted to end it with a reason, which its client is told. */
  readonly stop: AbortController;
  /** Resolved when it holds no files any more. */
  readonly letGo: PromiseWithResolvers<void>;
}

/** What the owner of a server says about files. */
export interface FileRules {
  /** Peers get and put files beneath this directory; undefined for nowhere. */
  readonly root: string | undefined;
  /** Whether peers only get. */
  readonly isReadOnly: boolean;
  /** Whose rights transfers have. */
  readonly accounts: Accounts;
  /** A transfer in which nothing is carried for this time is ended, ms. */
  readonly idleTimeoutMs: number;
}

/** Serves files to peers and from them, by the rules of its owner. */
export class FileService {
  #rules: FileRules;
  readonly #audit: Report;
  readonly #live = new Set<LiveTransfer>();
  #isClosed = false;

  /** @param audit has a line of every transfer, and is never silent */
  constructor(rules: FileRules, audit: Report) {
    this.#rules = rules;
    this.#audit = audit;
  }

  /** From now on these rules count; transfers that there are go on. */
  replaceRules(rules: FileRules): void {
    this.#rules = rules;
  }

  /** Serves one channel to its end. */
  async serve(incoming: KnownChannel): Promise<void> {
    if (this.#rules.root === undefined) {
      const reason = "this peer serves no files: it was started without --files";
      return incoming.decline(DeclineCode.notAllowed, reason);
    }
    if (this.#live.size >= MAX_TRANSFERS || this.#isClosed) {
      return incoming.decline(DeclineCode.occupied, "this peer has too many transfers");
    }
    const channel = incoming.accept();
    const live: LiveTransfer = {
      ...{ channel, purpose: undefined, work: Promise.resolve() },
      ...{ stop: new AbortController(), letGo: Promise.withResolvers() },
    };
    this.#live.add(live);
    live.work = this.#serve(incoming, live, this.#rules.root);
    await live.work.finally(() => this.#live.delete(live));
  }

  /** Ends all transfers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const live = [...this.#live];
    for (const { channel } of live) channel.reset();
    await waitAtMost(Promise.allSettled(live.map(({ work }) => work)), CLOSE_MS);
  }

  async #serve(incoming: KnownChannel, live: LiveTransfer, root: string): Promise<void> {
    const { channel } = live;
    const late = setTimeout(() => channel.reset(), PATIENCE_MS);
    const since = new Date();
    try {
      const request = await firstFrame(channel).finally(() => clearTimeout(late));
      if (request.direction === "put") {
        await this.#supersede(live, JSON.stringify([incoming.peer.id, request]));
      }
      const account = this.#rules.accounts.accountFor(incoming.peer);
      using watched = new WatchedChannel(channel, this.#rules.idleTimeoutMs);
      const outcome = await this.#transfer(watched, request, root, account, live.stop.signal)
        .finally(() => letGo(live));
      const { id, subjects } = incoming.peer;
      const entry = {
        ...{ peer: id, name: subjects[0] ?? "", user: account?.name },
        ...{ request, since, outcome },
      };
      this.#audit.notice(transferLine(entry, new Date()));
      await channel.closeWrite();
      await waitAtMost(channel.closed, PATIENCE_MS);
    } catch (error) {
      if (error instanceof ProtocolError) {
        await sendFailure(new FrameOutput(channel), `protocol violated: ${error.message}`);
      }
      // Whatever else ended the channel, the client is gone.
    } finally {
      letGo(live);
      channel.reset();
    }
  }

  /**
   * Who puts the same again has lost the first one: that its connection broke may become known here
   * much later, and until then it would hold the file. If it is there after all, it is told.
   */
  async #supersede(live: LiveTransfer, purpose: string): Promise<void> {
    const former = [...this.#live].filter((other) => other.purpose === purpose);
    live.purpose = purpose;
    for (const { stop } of former) stop.abort(superseded());
    const all = Promise.all(former.map(({ letGo }) => letGo.promise));
    await waitAtMost(all, CLOSE_MS);
    // What is left waits for a client that takes nothing.
    for (const other of former) if (other.purpose !== undefined) other.channel.reset();
    await waitAtMost(all, CLOSE_MS);
  }

  async #transfer(
    channel: WatchedChannel,
    request: TransferRequest,
    root: string,
    account: Account | undefined,
    signal: AbortSignal,
  ): Promise<TransferOutcome> {
    const problem = account === undefined
      ? "this peer has no user for you"
      : request.direction === "put" && this.#rules.isReadOnly
      ? "this peer takes no files"
      : undefined;
    if (account === undefined || problem !== undefined) {
      await sendFailure(new FrameOutput(channel), problem!);
      return { files: 0, bytes: 0, failures: 0, problem };
    }
    const { name, uid, gid } = account;
    const outcome = uid === Deno.uid()
      ? await serveTransfer(interruptible(channel, signal), request, root)
      : await delegateTransfer(channel, { request, root, rights: { name, uid, gid } }, signal);
    if (!channel.isStalled) return outcome;
    return { ...outcome, problem: "nothing was carried for too long" };
  }
}

function letGo(live: LiveTransfer): void {
  live.purpose = undefined;
  live.letGo.resolve();
}
