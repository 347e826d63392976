import { failureMessage } from "../../peer/failure.ts";
import type { PeerChannel } from "../../peer/peer_channel.ts";
import type { Report } from "../../peer/report.ts";
import { formatTarget } from "../../peer/target.ts";
import { pause } from "../pause.ts";
import { relay } from "../relay.ts";
import { dialService } from "../service/dial_service.ts";
import { formatServiceName } from "../service_name.ts";
import type { RemoteForward } from "./forward_spec.ts";
import type { PeerLink } from "./peer_link.ts";

/** Channels that wait for connections; so many may come at once without waiting for a channel. */
const SPARE_CHANNELS = 4;
/** After the peer could not listen, the next attempt waits so long, ms. */
const RETRY_PAUSE_MS = 5_000;

/**
 * `-R`: has the peer listen, and joins the connections that it gets to a service at our side. See
 * {@linkcode RemoteListeners} for the peer's part.
 */
export class RemoteForwarding {
  readonly #link: PeerLink;
  readonly #forward: RemoteForward;
  readonly #report: Report;
  readonly #signal: AbortSignal;

  constructor(
    link: PeerLink,
    forward: RemoteForward,
    { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
  ) {
    this.#link = link;
    this.#forward = forward;
    this.#report = report;
    this.#signal = signal;
  }

  /**
   * Resolves when the peer listens; forwarding goes on in the background until the signal.
   *
   * @throws {ChannelError} when the peer does not listen
   * @throws {ConnectError} when it cannot be reached
   */
  async start(): Promise<void> {
    const first = await this.#openChannel();
    for (let count = 0; count < SPARE_CHANNELS; count++) {
      this.#run(count === 0 ? first : undefined);
    }
  }

  /** Keeps one channel waiting for a connection; one that has got its own is replaced. */
  async #run(channel: PeerChannel | undefined): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        channel ??= await this.#openChannel();
        const [count] = [await channel.read(new Uint8Array(1))];
        if (count !== null) this.#join(channel);
      } catch (error) {
        if (this.#signal.aborted) return;
        const { host, port } = this.#forward.from;
        const reason = failureMessage(error);
        this.#report.detail(`-R ${formatTarget({ host, port })}: ${reason}`);
        await pause(RETRY_PAUSE_MS, this.#signal);
      }
      channel = undefined;
    }
  }

  async #openChannel(): Promise<PeerChannel> {
    const name = formatServiceName({ kind: "listen", ...this.#forward.from });
    const channel = await this.#link.open(name);
    await channel.opened;
    return channel;
  }

  async #join(channel: PeerChannel): Promise<void> {
    try {
      const connection = await dialService(this.#forward.to, this.#signal).catch((error) => {
        channel.reset();
        throw error;
      });
      await relay(channel, connection);
    } catch (error) {
      if (!this.#signal.aborted) this.#report.notice(failureMessage(error));
    }
  }
}
