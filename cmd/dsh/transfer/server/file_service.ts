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
  /** What tells it from others of all peers; undefined until its request is there. */
  purpose: string | undefined;
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
    const live: LiveTransfer = { channel, purpose: undefined, work: Promise.resolve() };
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
      await this.#supersede(live, JSON.stringify([incoming.peer.id, request]));
      const account = this.#rules.accounts.accountFor(incoming.peer);
      using watched = new WatchedChannel(channel, this.#rules.idleTimeoutMs);
      const outcome = await this.#transfer(watched, request, root, account);
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
      channel.reset();
    }
  }

  /**
   * Who asks for the same again has lost the first one: that its connection broke may become known
   * here much later, and until then it would hold the file.
   */
  async #supersede(live: LiveTransfer, purpose: string): Promise<void> {
    const former = [...this.#live].filter((other) => other.purpose === purpose);
    live.purpose = purpose;
    for (const { channel } of former) channel.reset();
    await waitAtMost(Promise.allSettled(former.map(({ work }) => work)), CLOSE_MS);
  }

  async #transfer(
    channel: WatchedChannel,
    request: TransferRequest,
    root: string,
    account: Account | undefined,
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
      ? await serveTransfer(channel, request, root)
      : await delegateTransfer(channel, { request, root, rights: { name, uid, gid } });
    if (!channel.isStalled) return outcome;
    return { ...outcome, problem: "nothing was carried for too long" };
  }
}
