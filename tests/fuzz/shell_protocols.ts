/** What `dsh` takes from its peer: frames of sessions and of transfers, and the messages in them. */
import {
  CLIENT_TYPES,
  FrameType,
  SERVER_TYPES,
  writeHeader,
} from "../../cmd/dsh/protocol/frame.ts";
import { FrameDecoder } from "../../cmd/dsh/protocol/frame_decoder.ts";
import {
  decodeCredit,
  decodeExit,
  decodeFailure,
  decodeSignal,
  decodeSize,
  decodeStarted,
} from "../../cmd/dsh/protocol/messages.ts";
import { ProtocolError } from "../../cmd/dsh/protocol/protocol_error.ts";
import { decodeSessionRequest } from "../../cmd/dsh/protocol/session_request.ts";
import { decodeAnswers } from "../../cmd/dsh/transfer/protocol/answer.ts";
import { FileFrame, isData } from "../../cmd/dsh/transfer/protocol/file_frame.ts";
import {
  decodeBegin,
  decodeEnd,
  decodeFailure as decodeFileFailure,
  decodeNote,
  decodeSkip,
} from "../../cmd/dsh/transfer/protocol/file_messages.ts";
import { decodeTransferRequest } from "../../cmd/dsh/transfer/protocol/transfer_request.ts";
import { decodeEntries } from "../../cmd/dsh/transfer/protocol/tree_entry.ts";
import { decoder, type FuzzTarget } from "./target.ts";

type Decode = (payload: Uint8Array) => unknown;

const SESSION_MESSAGES: Readonly<Record<number, Decode>> = {
  [FrameType.request]: decodeSessionRequest,
  [FrameType.resize]: decodeSize,
  [FrameType.signal]: decodeSignal,
  [FrameType.started]: decodeStarted,
  [FrameType.credit]: decodeCredit,
  [FrameType.exit]: decodeExit,
  [FrameType.error]: decodeFailure,
};

const FILE_MESSAGES: Readonly<Record<number, Decode>> = {
  [FileFrame.request]: decodeTransferRequest,
  [FileFrame.entries]: decodeEntries,
  [FileFrame.answers]: decodeAnswers,
  [FileFrame.begin]: decodeBegin,
  [FileFrame.end]: decodeEnd,
  [FileFrame.skip]: decodeSkip,
  [FileFrame.note]: decodeNote,
  [FileFrame.failure]: decodeFileFailure,
};

/** Frames as they travel, from types and payloads. */
function frames(...parts: [type: number, payload: unknown][]): Uint8Array {
  const whole: number[] = [];
  for (const [type, payload] of parts) {
    const bytes = payload instanceof Uint8Array
      ? payload
      : new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
    const header = new Uint8Array(4);
    writeHeader(header, type, bytes.length);
    whole.push(...header, ...bytes);
  }
  return Uint8Array.from(whole);
}

const SESSION_SAMPLES = [
  frames(
    [FrameType.request, { version: 1, command: "ls", environment: [["LANG", "C"]] }],
    [FrameType.input, "typed"],
    [FrameType.signal, "INT"],
    [FrameType.inputEnd, ""],
  ),
  frames(
    [FrameType.request, {
      version: 1,
      terminal: { columns: 80, rows: 24, type: "xterm" },
      kept: { name: "work", mode: "new" },
    }],
    [FrameType.resize, Uint8Array.of(0, 100, 0, 30)],
    [FrameType.detach, ""],
  ),
  frames(
    [FrameType.started, { ignored: ["PATH"] }],
    [FrameType.output, "output"],
    [FrameType.credit, Uint8Array.of(0, 1, 0, 0)],
    [FrameType.exit, { code: 3 }],
  ),
  frames([FrameType.exit, { signal: "SIGTERM" }], [FrameType.error, {
    code: "refused",
    reason: "no",
  }]),
];

const HASH = "0123456789abcdef".repeat(4);
const FILE_SAMPLES = [
  frames(
    [FileFrame.request, { version: 1, direction: "put", path: "/srv/x", name: "tree" }],
    [FileFrame.entries, {
      entries: [["d", "", 1, 0o755], ["f", "a/b", 2, 0o644, 9], ["l", "a/c", 3, "../b"]],
    }],
  ),
  frames(
    [FileFrame.begin, { index: 1, offset: 0, size: 9, modifiedMs: 2 }],
    [FileFrame.data, "nine byte"],
    [FileFrame.end, { sha256: HASH }],
    [FileFrame.skip, { index: 2 }],
    [FileFrame.note, { path: "a", reason: "left out", isFailure: false }],
    [FileFrame.finished, ""],
  ),
  frames(
    [FileFrame.answers, { answers: [[0, "have"], [1, "resume", 4, HASH]] }],
    [FileFrame.failure, { reason: "no room" }],
    [FileFrame.done, ""],
  ),
];

/** Bytes that come in two pieces, and what the frames in them say. */
function read(frames: FrameDecoder<number>, messages: Readonly<Record<number, Decode>>): Decode {
  return (bytes) => {
    const half = bytes.length >> 1;
    for (const part of [bytes.slice(0, half), bytes.slice(half)]) {
      for (const { type, payload } of frames.decode(part)) {
        try {
          messages[type]?.(payload);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }
    }
  };
}

/** `dsh`: both sides of a session, and of a transfer. */
export const SHELL_PROTOCOLS: readonly FuzzTarget[] = [
  decoder(
    "dsh session",
    SESSION_SAMPLES,
    (bytes) =>
      read(new FrameDecoder<number>([...CLIENT_TYPES, ...SERVER_TYPES]), SESSION_MESSAGES)(bytes),
    ProtocolError,
  ),
  decoder(
    "dsh transfer",
    FILE_SAMPLES,
    (bytes) => read(new FrameDecoder(Object.values(FileFrame), isData), FILE_MESSAGES)(bytes),
    ProtocolError,
  ),
];
