/**
 * What travels in a `dsh` session's channel: frames in both directions.
 *
 * ```
 *   0        1                          4
 *   ┌────────┬──────────────────────────┬───────────┐
 *   │ type   │ length, 24 bits, big-end │ payload … │
 *   └────────┴──────────────────────────┴───────────┘
 *
 *   client                                  server
 *     │── request ─────────────────────────────▶│  JSON, see SessionRequest
 *     │── input … ─────────────────────────────▶│  up to INITIAL_CREDIT may precede the answer
 *     │◀───────────── started, or error ────────│
 *     │◀───────────── output, errorOutput … ────│
 *     │◀───────────── credit ───────────────────│  more input is welcome
 *     │── resize, signal, inputEnd, detach ────▶│
 *     │◀───────────── exit, or error ───────────│  the last frame
 * ```
 *
 * The channel paces what the server sends. What the client sends is paced by credit, so that a
 * signal overtakes input that the program does not read.
 */
export const FrameType = {
  /** The first frame of a client: what is to be run. */
  request: 0x01,
  /** Bytes for the program's standard input, or typed at its terminal. */
  input: 0x02,
  /** No more input. */
  inputEnd: 0x03,
  /** The terminal has a new size. */
  resize: 0x04,
  /** A signal for the program. */
  signal: 0x05,
  /** The client leaves, the session stays. */
  detach: 0x06,
  /** The program runs. */
  started: 0x10,
  /** Bytes that the program wrote on standard output, or on its terminal. */
  output: 0x11,
  /** Bytes that the program wrote on standard error. */
  errorOutput: 0x12,
  /** So many more bytes of input may be sent. */
  credit: 0x13,
  /** The program has ended. */
  exit: 0x14,
  /** There is no session, or no more. */
  error: 0x15,
} as const;

/** One of {@linkcode FrameType}. */
export type FrameType = typeof FrameType[keyof typeof FrameType];

/** Bytes before the payload. */
export const HEADER_BYTES = 4;
/** Longest payload of a frame that carries a program's bytes. */
export const MAX_STREAM_BYTES = 256 * 1024;
/** Longest payload of any other frame. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Bytes of input that a client may send before the first credit. */
export const INITIAL_CREDIT = 2 * 1024 * 1024;

const STREAM_TYPES: ReadonlySet<number> = new Set([
  FrameType.input,
  FrameType.output,
  FrameType.errorOutput,
]);

/** Types that a server takes. */
export const CLIENT_TYPES: readonly FrameType[] = [
  FrameType.request,
  FrameType.input,
  FrameType.inputEnd,
  FrameType.resize,
  FrameType.signal,
  FrameType.detach,
];

/** Types that a client takes. */
export const SERVER_TYPES: readonly FrameType[] = [
  FrameType.started,
  FrameType.output,
  FrameType.errorOutput,
  FrameType.credit,
  FrameType.exit,
  FrameType.error,
];

/** Whether a frame of this type carries bytes of a program: then it may be taken in parts. */
export function isStreamType(type: number): boolean {
  return STREAM_TYPES.has(type);
}

/** Writes a frame's header into the first {@linkcode HEADER_BYTES} of `into`. */
export function writeHeader(into: Uint8Array, type: number, length: number): void {
  into[0] = type;
  into[1] = length >> 16;
  into[2] = length >> 8;
  into[3] = length;
}
