import {
  type ChannelCore,
  SEND_ACCEPT,
  SEND_DECLINE,
  SEND_OPEN,
  SEND_RESET,
  SEND_STOP,
  SEND_WINDOW,
} from "./channel_core.ts";
import * as frame from "./frame.ts";
import { writeU32 } from "./record.ts";

/**
 * Writes the frames that a channel has to send, other than DATA and FIN, in the order that the peer
 * expects; returns the offset after them.
 */
export function writeChannelFrames(
  core: ChannelCore,
  into: Uint8Array,
  start: number,
  now: number,
  roundTripMs: number,
): number {
  const { frames, id } = core;
  let at = start;
  core.frames = 0;
  if (frames & SEND_OPEN) {
    const name = new TextEncoder().encode(core.name);
    frame.writeFrameHeader(into, at, frame.FRAME_OPEN, 8 + name.length, id);
    writeU32(into, at + 8, core.receive.initialWindow);
    writeU32(into, at + 12, core.early);
    into.set(name, at + 16);
    at += 16 + name.length;
  }
  if (frames & SEND_ACCEPT) {
    at = writeNumber(into, at, frame.FRAME_ACCEPT, id, core.receive.initialWindow);
  }
  if (frames & SEND_WINDOW) {
    const delta = core.receive.grant(now, roundTripMs);
    if (delta > 0) at = writeNumber(into, at, frame.FRAME_WINDOW, id, delta);
  }
  if (frames & SEND_STOP) {
    frame.writeFrameHeader(into, at, frame.FRAME_STOP, 0, id);
    at += frame.FRAME_HEADER_BYTES;
  }
  if (frames & SEND_RESET) at = writeNumber(into, at, frame.FRAME_RESET, id, core.endCode);
  if (frames & SEND_DECLINE) {
    const reason = frame.encodeReason(core.endReason);
    frame.writeFrameHeader(into, at, frame.FRAME_DECLINE, 4 + reason.length, id);
    writeU32(into, at + 8, core.endCode);
    into.set(reason, at + 12);
    at += 12 + reason.length;
  }
  return at;
}

function writeNumber(
  into: Uint8Array,
  at: number,
  type: number,
  id: number,
  value: number,
): number {
  frame.writeFrameHeader(into, at, type, 4, id);
  writeU32(into, at + 8, value);
  return at + 12;
}
