import { Channel } from "./channel.ts";
import { type ChannelCore, SEND_DECLINE } from "./channel_core.ts";
import { checkCode } from "./codes.ts";

/** The peer wants to open a channel. One of the two methods is to be called, now or later. */
export interface ChannelRequest {
  /** The name that the peer gave. */
  readonly name: string;
  /** Takes the channel. If the peer has given up meanwhile, its reads and writes fail. */
  accept(): Channel;
  /**
   * Refuses it; the peer's `opened` rejects with `code` and `reason` (cut at 1,024 bytes).
   *
   * @throws {RangeError} when the code has more than 32 bits
   */
  decline(code: number, reason: string): void;
}

/** The request for a channel that waits; `onAccept` is told once. */
export function requestFor(core: ChannelCore, onAccept: () => void): ChannelRequest {
  let channel: Channel | undefined;
  return {
    name: core.name,
    accept: () => {
      if (channel === undefined) {
        channel = new Channel(core);
        if (!core.isOver) onAccept();
      }
      return channel;
    },
    decline: (code, reason) => {
      checkCode(code);
      if (channel === undefined) core.abort(SEND_DECLINE, code, reason);
    },
  };
}
